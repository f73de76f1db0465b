/* What main.c tells host.c. */
#ifndef PORTERO_HOST_H
#define PORTERO_HOST_H

/* @returns the value of `--name value` on the command line, or NULL */
const char *host_option(const char *name);

#endif
