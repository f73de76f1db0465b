/* The functions of main.c that host.c calls. */
#ifndef PORTERO_HOST_H
#define PORTERO_HOST_H

/* @returns the value of `--name value` on the command line, or NULL */
const char *host_option(const char *name);

/* Starts the program anew and tells why on stderr. */
_Noreturn void host_restart(const char *why);

#endif
