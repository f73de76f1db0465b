/*
 * The program on Linux: one XS machine on GLib's loop, its options, and its restart in place of the chip's. An uncaught
 * exception is told to the script by the global `abort`, as on the ESP32, then the program starts anew; it does so too
 * if the loop stands still. Not here: what the devices of hal/boards/lin need of Linux (host.c).
 */
#include "xs.h"
#include "mc.xs.h"

#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

#include "host.h"

/* The watchdog's time is the same as on the ESP32, see sdkconfig of the boards. */
#define WATCHDOG_S 5
/* A program that ends earlier waits so long, so that one that cannot start does not keep the machine busy. */
#define RESTART_US 1000000

static char **arguments;
static gint64 startedUs;

const char *host_option(const char *name)
{
	int i;
	for (i = 1; arguments[i] && arguments[i + 1]; i += 2)
		if (strncmp(arguments[i], "--", 2) == 0 && strcmp(arguments[i] + 2, name) == 0)
			return arguments[i + 1];
	return NULL;
}

/* @returns whether all options are known and have a value */
static int check_options(int count)
{
	static const char *const known[] = {"--store", "--address", "--dns", "--mic", "--speaker"};
	int i;
	size_t k;
	for (i = 1; i < count; i += 2) {
		for (k = 0; k < sizeof known / sizeof *known && strcmp(arguments[i], known[k]) != 0; k++)
			;
		if (k == sizeof known / sizeof *known || i + 1 == count) {
			fprintf(stderr, "%s %s; options: --store FOLDER, --address A, --dns A, --mic FILE, --speaker FILE\n", arguments[i],
				i + 1 == count ? "has no value or is not known" : "is not known");
			return 0;
		}
	}
	return 1;
}

static _Noreturn void restart(void)
{
	/* The SDK's sockets would stay open in the new program. */
	int fd;
	for (fd = 3; fd < 256; fd++)
		close(fd);
	execv("/proc/self/exe", arguments);
	_exit(1);
}

void host_restart(const char *why)
{
	fflush(stdout);
	fprintf(stderr, "restart: %s\n", why);
	if (g_get_monotonic_time() - startedUs < RESTART_US)
		usleep(RESTART_US);
	restart();
}

static void bark(int signal)
{
	static const char text[] = "watchdog: the program stood still\n";
	(void)signal;
	if (write(2, text, sizeof text - 1) < 0)
		_exit(1);
	restart();
}

static gboolean feed(gpointer data)
{
	(void)data;
	alarm(WATCHDOG_S);
	return G_SOURCE_CONTINUE;
}

void fxAbort(xsMachine *the, int status)
{
	extern char *fxAbortString(int status);
	static int isAborting;
	const char *why = fxAbortString(status);
	if (!isAborting) {
		isAborting = 1;
		xsBeginHost(the);
			xsVars(2);
			/* The text is not copied, because there may be no memory for a copy. */
			xsVar(0) = xsException;
			xsTry {
				xsVar(1) = xsGet(xsGlobal, xsID("abort"));
				if (xsTest(xsVar(1)))
					xsCallFunction2(xsVar(1), xsGlobal, xsStringX(why), xsVar(0));
			}
			xsCatch {
				fprintf(stderr, "abort failed too\n");
			}
		xsEndHost(the);
	}
	host_restart(why);
}

int main(int count, char **values)
{
	xsMachine *machine;
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	sigset_t alarms;
	arguments = values;
	startedUs = g_get_monotonic_time();
	if (!check_options(count))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, bark);
	/* The signal is still blocked after the watchdog's call. */
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarms, NULL);
	feed(NULL);
	g_timeout_add_seconds(1, feed, NULL);

	machine = xsPrepareMachine(NULL, xsPreparation(), "portero", NULL, NULL);
	if (!machine)
		return 1;
	xsBeginHost(machine);
		xsVars(1);
		xsVar(0) = xsAwaitImport("src/main", XS_IMPORT_DEFAULT);
		xsCallFunction0(xsVar(0), xsGlobal);
	xsEndHost(machine);
	g_main_loop_run(loop);
	xsDeleteMachine(machine);
	return 0;
}
