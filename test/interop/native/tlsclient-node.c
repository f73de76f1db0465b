/* hal/native/tlsclient.c as a module of Node with the functions of hal/tls/library.ts: tests run what a board runs. */
#include <node_api.h>
#include <stdlib.h>

#include "tlsclient.h"

static napi_value number(napi_env env, int value)
{
	napi_value result;
	napi_create_int32(env, value, &result);
	return result;
}

static void arguments(napi_env env, napi_callback_info info, napi_value *values)
{
	size_t count = 4;
	napi_get_cb_info(env, info, &count, values, NULL, NULL);
}

static int integer(napi_env env, napi_value value)
{
	int32_t result = 0;
	napi_get_value_int32(env, value, &result);
	return result;
}

static char *string(napi_env env, napi_value value)
{
	size_t length = 0;
	char *text;
	napi_get_value_string_utf8(env, value, NULL, 0, &length);
	text = malloc(length + 1);
	napi_get_value_string_utf8(env, value, text, length + 1, &length);
	return text;
}

static uint8_t *octets(napi_env env, napi_value value, size_t *length)
{
	void *data = NULL;
	napi_get_typedarray_info(env, value, NULL, length, &data, NULL, NULL);
	return data;
}

static napi_value begin(napi_env env, napi_callback_info info)
{
	napi_value values[4];
	char *name, *ca;
	int client;
	arguments(env, info, values);
	name = string(env, values[0]);
	ca = string(env, values[1]);
	client = tls_client_begin(name, ca);
	free(name);
	free(ca);
	return number(env, client);
}

#define OF_CLIENT(function, call) \
	static napi_value function(napi_env env, napi_callback_info info) \
	{ \
		napi_value values[4]; \
		int client; \
		arguments(env, info, values); \
		client = integer(env, values[0]); \
		return number(env, call); \
	}

OF_CLIENT(state, tls_client_state(client))
OF_CLIENT(error, tls_client_error(client))
OF_CLIENT(flags, tls_client_flags(client))
OF_CLIENT(close_client, (tls_client_close(client), 0))
OF_CLIENT(end_client, (tls_client_end(client), 0))

static napi_value certificate(napi_env env, napi_callback_info info)
{
	napi_value values[4], result;
	const uint8_t *der = NULL;
	size_t size;
	arguments(env, info, values);
	size = tls_client_certificate(integer(env, values[0]), &der);
	if (size == 0)
		napi_get_null(env, &result);
	else
		napi_create_buffer_copy(env, size, der, NULL, &result);
	return result;
}

static napi_value put(napi_env env, napi_callback_info info)
{
	napi_value values[4], result;
	size_t size;
	uint8_t *from;
	int start, end;
	arguments(env, info, values);
	from = octets(env, values[1], &size);
	start = integer(env, values[2]);
	end = integer(env, values[3]);
	napi_get_boolean(env, tls_client_put(integer(env, values[0]), from + start, (size_t)(end - start)), &result);
	return result;
}

static napi_value take(napi_env env, napi_callback_info info)
{
	napi_value values[4];
	size_t size;
	uint8_t *into;
	arguments(env, info, values);
	into = octets(env, values[1], &size);
	return number(env, (int)tls_client_take(integer(env, values[0]), into, size));
}

static napi_value read_client(napi_env env, napi_callback_info info)
{
	napi_value values[4];
	size_t size;
	uint8_t *into;
	arguments(env, info, values);
	into = octets(env, values[1], &size);
	return number(env, tls_client_read(integer(env, values[0]), into, size));
}

static napi_value write_client(napi_env env, napi_callback_info info)
{
	napi_value values[4];
	size_t size;
	uint8_t *from;
	int start, end;
	arguments(env, info, values);
	from = octets(env, values[1], &size);
	start = integer(env, values[2]);
	end = integer(env, values[3]);
	return number(env, tls_client_write(integer(env, values[0]), from + start, (size_t)(end - start)));
}

NAPI_MODULE_INIT()
{
	const struct {
		const char *name;
		napi_callback call;
	} all[] = {
		{ "begin", begin }, { "state", state }, { "error", error }, { "flags", flags },
		{ "certificate", certificate }, { "put", put }, { "take", take }, { "read", read_client },
		{ "write", write_client }, { "close", close_client }, { "end", end_client },
	};
	size_t i;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		napi_value function;
		napi_create_function(env, all[i].name, NAPI_AUTO_LENGTH, all[i].call, NULL, &function);
		napi_set_named_property(env, exports, all[i].name, function);
	}
	return exports;
}
