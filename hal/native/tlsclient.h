/*
 * The client's end of TLS 1.2 over mbedTLS, without sockets: octets of the network are put in and taken out, clear ones
 * are written and read. The handshake runs in a thread of its own that ends with it, so that nobody waits for it.
 * Each connection has a number. Not here: whom to believe (hal/tls/proof.ts), sockets (hal/tls/securestreams.ts).
 */
#ifndef TLSCLIENT_H
#define TLSCLIENT_H

#include <stddef.h>
#include <stdint.h>

#define TLS_CLIENTS 8

enum { TLS_NO_CLIENT = -1, TLS_BAD_CA = -2, TLS_NO_THREAD = -3 };
enum { TLS_SHAKING, TLS_OPEN, TLS_FAILED };
/* What mbedTLS says about the certificates; the rest is TLS_OTHER. */
enum { TLS_UNTRUSTED = 1, TLS_ENDED = 2, TLS_EARLY = 4, TLS_OTHER = 8 };

/*
 * Begins a handshake. `name` is told to the server (SNI); "" for none. `ca` is one or more certificates (PEM); "" for
 * none. Returns the number, or below 0 what is lacking.
 */
int tls_client_begin(const char *name, const char *ca);
int tls_client_state(int client);
/* The error of mbedTLS that ended the handshake, or the connection; 0 for none. */
int tls_client_error(int client);
/* After the handshake: what is wrong with the certificates; 0 if nothing is. */
int tls_client_flags(int client);
/* After the handshake: the server's own certificate (DER), good until the end. Returns its size; 0 for none. */
size_t tls_client_certificate(int client, const uint8_t **der);
/* Takes octets of the network. Returns 0 if there is no room for them: the server sent more than a handshake has. */
int tls_client_put(int client, const uint8_t *octets, size_t count);
/* Gives octets for the network. Returns how many; 0: none wait. */
size_t tls_client_take(int client, uint8_t *into, size_t size);
/* Returns how many clear octets came; 0: none wait; -1: the other side closed, or the connection failed. */
int tls_client_read(int client, uint8_t *into, size_t size);
/* Protects octets. Returns how many were taken; 0: take what waits first; -1: the connection failed. */
int tls_client_write(int client, const uint8_t *octets, size_t count);
/* Tells the other side that the connection ends; that is taken as all octets are. */
void tls_client_close(int client);
/* Forgets the connection, in a handshake too: its thread ends by itself. */
void tls_client_end(int client);

#endif
