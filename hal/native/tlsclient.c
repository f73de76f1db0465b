/*
 * The work of tlsclient.h. A client belongs to the thread of its user, and between the beginning and the end of the
 * handshake to the handshake's; the two meet at the queues and the state, under one lock.
 */
#include "tlsclient.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mbedtls/platform_util.h"
#include "mbedtls/ssl.h"
#include "mbedtls/version.h"
#include "mbedtls/x509_crt.h"
#if MBEDTLS_VERSION_MAJOR < 4
#include "mbedtls/ctr_drbg.h"
#include "mbedtls/entropy.h"
#else
#include "psa/crypto.h"
#endif
#ifdef ESP_PLATFORM
#include "esp_pthread.h"
#endif

/* Without these an end of a certificate would not be seen, or no certificate. */
#ifndef MBEDTLS_HAVE_TIME_DATE
#error "CONFIG_MBEDTLS_HAVE_TIME_DATE is not set"
#endif
#ifndef MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#error "CONFIG_MBEDTLS_SSL_KEEP_PEER_CERTIFICATE is not set"
#endif

/* A record of 16 KB with its head and tag, and a part of the next: more than a server sends before we answer. */
#define IN_BYTES 20480
/* Two records of ours, of the largest size. */
#define OUT_BYTES 10240
/* So much of a text is protected at once, and a record is larger by no more than this. */
#define PART_BYTES 4096
#define RECORD_MORE 128
/* mbedTLS needs some 6 KB for a handshake with P-256. */
#define STACK_BYTES 12288
/* Below the task of XS, which has 4: the sound goes first. */
#define THREAD_PRIORITY 2

typedef struct {
	uint8_t *octets;
	size_t size, start, count;
} queue_t;

typedef struct {
	pthread_mutex_t lock;
	/* Octets came, or the user left. */
	pthread_cond_t came;
	int state, error;
	/* The thread runs; it frees the client if the user left meanwhile. */
	int is_shaking, is_left;
	queue_t in, out;
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	mbedtls_x509_crt ca;
	char *name;
#if MBEDTLS_VERSION_MAJOR < 4
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
#endif
	uint8_t in_octets[IN_BYTES], out_octets[OUT_BYTES];
} client_t;

static client_t *clients[TLS_CLIENTS];

/* Forward secrecy and one pass over the octets: others are not offered. */
static const int suites[] = {
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	0,
};

static size_t queue_put(queue_t *queue, const uint8_t *octets, size_t count)
{
	size_t room = queue->size - queue->count, i;
	if (count > room)
		count = room;
	for (i = 0; i < count; i++)
		queue->octets[(queue->start + queue->count + i) % queue->size] = octets[i];
	queue->count += count;
	return count;
}

static size_t queue_take(queue_t *queue, uint8_t *into, size_t size)
{
	size_t count = queue->count < size ? queue->count : size, i;
	for (i = 0; i < count; i++)
		into[i] = queue->octets[(queue->start + i) % queue->size];
	queue->start = (queue->start + count) % queue->size;
	queue->count -= count;
	return count;
}

static int on_send(void *context, const unsigned char *octets, size_t count)
{
	client_t *client = context;
	size_t sent;
	pthread_mutex_lock(&client->lock);
	sent = queue_put(&client->out, octets, count);
	pthread_mutex_unlock(&client->lock);
	return sent > 0 ? (int)sent : MBEDTLS_ERR_SSL_WANT_WRITE;
}

/* In the handshake's thread it waits for octets. */
static int on_receive(void *context, unsigned char *into, size_t size)
{
	client_t *client = context;
	size_t count;
	pthread_mutex_lock(&client->lock);
	while (client->is_shaking && client->in.count == 0 && !client->is_left)
		pthread_cond_wait(&client->came, &client->lock);
	count = queue_take(&client->in, into, size);
	pthread_mutex_unlock(&client->lock);
	return count > 0 ? (int)count : MBEDTLS_ERR_SSL_WANT_READ;
}

static void release(client_t *client)
{
	mbedtls_ssl_free(&client->ssl);
	mbedtls_ssl_config_free(&client->config);
	mbedtls_x509_crt_free(&client->ca);
#if MBEDTLS_VERSION_MAJOR < 4
	mbedtls_ctr_drbg_free(&client->random);
	mbedtls_entropy_free(&client->entropy);
#endif
	pthread_cond_destroy(&client->came);
	pthread_mutex_destroy(&client->lock);
	free(client->name);
	/* Clear text and keys do not stay in memory that others get. */
	mbedtls_platform_zeroize(client, sizeof(*client));
	free(client);
}

static int prepare(client_t *client)
{
	mbedtls_ssl_config *config = &client->config;
	int error;
#if MBEDTLS_VERSION_MAJOR < 4
	error = mbedtls_ctr_drbg_seed(&client->random, mbedtls_entropy_func, &client->entropy, NULL, 0);
#else
	error = psa_crypto_init() == PSA_SUCCESS ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
#endif
	if (error != 0)
		return error;
	error = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
		MBEDTLS_SSL_PRESET_DEFAULT);
	if (error != 0)
		return error;
#if MBEDTLS_VERSION_MAJOR < 3
	mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#else
	mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#endif
#if MBEDTLS_VERSION_MAJOR < 4
	mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &client->random);
#endif
	mbedtls_ssl_conf_ciphersuites(config, suites);
	/* The user asks for the flags before the first octet, because a pinned key needs no authority. */
	mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_OPTIONAL);
	mbedtls_ssl_conf_ca_chain(config, &client->ca, NULL);
	error = mbedtls_ssl_setup(&client->ssl, config);
	/* Without a name it has to be said that none is meant. */
	if (error == 0)
		error = mbedtls_ssl_set_hostname(&client->ssl, client->name[0] == 0 ? NULL : client->name);
	if (error == 0)
		mbedtls_ssl_set_bio(&client->ssl, client, on_send, on_receive, NULL);
	return error;
}

static void *shake(void *context)
{
	client_t *client = context;
	int error = prepare(client), is_left;
	while (error == 0) {
		error = mbedtls_ssl_handshake(&client->ssl);
		if (error == 0)
			break;
		if (error != MBEDTLS_ERR_SSL_WANT_READ && error != MBEDTLS_ERR_SSL_WANT_WRITE)
			break;
		pthread_mutex_lock(&client->lock);
		/* What a handshake sends fits into the queue of a connection that opened: waiting would not help. */
		error = client->is_left || error == MBEDTLS_ERR_SSL_WANT_WRITE ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : 0;
		pthread_mutex_unlock(&client->lock);
	}
	pthread_mutex_lock(&client->lock);
	client->error = error;
	client->state = error == 0 ? TLS_OPEN : TLS_FAILED;
	client->is_shaking = 0;
	is_left = client->is_left;
	pthread_mutex_unlock(&client->lock);
	if (is_left)
		release(client);
	return NULL;
}

static int start(client_t *client)
{
	pthread_t thread;
	pthread_attr_t attributes;
	int error;
#ifdef ESP_PLATFORM
	esp_pthread_cfg_t wish = esp_pthread_get_default_config();
	wish.stack_size = STACK_BYTES;
	wish.prio = THREAD_PRIORITY;
	wish.thread_name = "tls";
	if (esp_pthread_set_cfg(&wish) != ESP_OK)
		return -1;
#endif
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attributes, shake, client);
	pthread_attr_destroy(&attributes);
	return error;
}

int tls_client_begin(const char *name, const char *ca)
{
	client_t *client;
	int number = 0;
	while (number < TLS_CLIENTS && clients[number] != NULL)
		number++;
	if (number == TLS_CLIENTS)
		return TLS_NO_CLIENT;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return TLS_NO_CLIENT;
	client->in.octets = client->in_octets;
	client->in.size = IN_BYTES;
	client->out.octets = client->out_octets;
	client->out.size = OUT_BYTES;
	client->is_shaking = 1;
	pthread_mutex_init(&client->lock, NULL);
	pthread_cond_init(&client->came, NULL);
	mbedtls_ssl_init(&client->ssl);
	mbedtls_ssl_config_init(&client->config);
	mbedtls_x509_crt_init(&client->ca);
#if MBEDTLS_VERSION_MAJOR < 4
	mbedtls_entropy_init(&client->entropy);
	mbedtls_ctr_drbg_init(&client->random);
#endif
	client->name = malloc(strlen(name) + 1);
	if (client->name == NULL) {
		release(client);
		return TLS_NO_CLIENT;
	}
	strcpy(client->name, name);
	/* One of several that cannot be read counts as none. */
	if (ca[0] != 0 && mbedtls_x509_crt_parse(&client->ca, (const unsigned char *)ca, strlen(ca) + 1) != 0) {
		release(client);
		return TLS_BAD_CA;
	}
	if (start(client) != 0) {
		release(client);
		return TLS_NO_THREAD;
	}
	clients[number] = client;
	return number;
}

static client_t *find(int number)
{
	return number >= 0 && number < TLS_CLIENTS ? clients[number] : NULL;
}

int tls_client_state(int number)
{
	client_t *client = find(number);
	int state;
	if (client == NULL)
		return TLS_FAILED;
	pthread_mutex_lock(&client->lock);
	state = client->state;
	pthread_mutex_unlock(&client->lock);
	return state;
}

int tls_client_error(int number)
{
	return tls_client_state(number) == TLS_SHAKING || find(number) == NULL ? 0 : find(number)->error;
}

int tls_client_flags(int number)
{
	uint32_t flags;
	int found = 0;
	if (tls_client_state(number) != TLS_OPEN)
		return TLS_OTHER;
	/* Names are not mbedTLS's to judge: it takes wildcards and common names. */
	flags = mbedtls_ssl_get_verify_result(&find(number)->ssl) & ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
	if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
		found |= TLS_UNTRUSTED;
	if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
		found |= TLS_ENDED;
	if (flags & MBEDTLS_X509_BADCERT_FUTURE)
		found |= TLS_EARLY;
	flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_NOT_TRUSTED | MBEDTLS_X509_BADCERT_EXPIRED |
		MBEDTLS_X509_BADCERT_FUTURE);
	return flags == 0 ? found : found | TLS_OTHER;
}

size_t tls_client_certificate(int number, const uint8_t **der)
{
	const mbedtls_x509_crt *certificate =
		tls_client_state(number) == TLS_OPEN ? mbedtls_ssl_get_peer_cert(&find(number)->ssl) : NULL;
	if (certificate == NULL)
		return 0;
	*der = certificate->raw.p;
	return certificate->raw.len;
}

int tls_client_put(int number, const uint8_t *octets, size_t count)
{
	client_t *client = find(number);
	int fits = 0;
	if (client == NULL)
		return 0;
	pthread_mutex_lock(&client->lock);
	if (count <= client->in.size - client->in.count) {
		queue_put(&client->in, octets, count);
		fits = 1;
	}
	pthread_cond_signal(&client->came);
	pthread_mutex_unlock(&client->lock);
	return fits;
}

size_t tls_client_take(int number, uint8_t *into, size_t size)
{
	client_t *client = find(number);
	size_t count;
	if (client == NULL)
		return 0;
	pthread_mutex_lock(&client->lock);
	count = queue_take(&client->out, into, size);
	pthread_mutex_unlock(&client->lock);
	return count;
}

static int fail(client_t *client, int error)
{
	client->state = TLS_FAILED;
	client->error = error;
	return -1;
}

int tls_client_read(int number, uint8_t *into, size_t size)
{
	client_t *client = find(number);
	int count;
	if (tls_client_state(number) != TLS_OPEN)
		return -1;
	count = mbedtls_ssl_read(&client->ssl, into, size);
	if (count > 0)
		return count;
	if (count == MBEDTLS_ERR_SSL_WANT_READ || count == MBEDTLS_ERR_SSL_WANT_WRITE)
		return 0;
	return fail(client, count);
}

int tls_client_write(int number, const uint8_t *octets, size_t count)
{
	client_t *client = find(number);
	int written;
	if (tls_client_state(number) != TLS_OPEN)
		return -1;
	if (count > PART_BYTES)
		count = PART_BYTES;
	/* A record goes into the queue whole or not at all, so that nothing has to be repeated. */
	if (count == 0 || client->out.size - client->out.count < count + RECORD_MORE)
		return 0;
	written = mbedtls_ssl_write(&client->ssl, octets, count);
	return written > 0 ? written : fail(client, written);
}

void tls_client_close(int number)
{
	if (tls_client_state(number) == TLS_OPEN)
		mbedtls_ssl_close_notify(&find(number)->ssl);
}

void tls_client_end(int number)
{
	client_t *client = find(number);
	int is_shaking;
	if (client == NULL)
		return;
	clients[number] = NULL;
	pthread_mutex_lock(&client->lock);
	client->is_left = 1;
	is_shaking = client->is_shaking;
	pthread_cond_signal(&client->came);
	pthread_mutex_unlock(&client->lock);
	if (!is_shaking)
		release(client);
}
