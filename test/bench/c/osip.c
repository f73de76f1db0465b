/* libosip2: parses all header fields into its structures. */
#include <osipparser2/osip_parser.h>
#include "rounds.h"

static int parse_one(const char *text, size_t length) {
  osip_message_t *message = NULL;
  osip_generic_param_t *tag = NULL;
  int is_good = osip_message_init(&message) == 0 && osip_message_parse(message, text, length) == 0 &&
                message->call_id != NULL && message->cseq != NULL && message->from != NULL &&
                osip_from_get_tag(message->from, &tag) == 0 && osip_list_size(&message->vias) > 0;
  osip_message_free(message);
  return is_good;
}

int main(int argc, char **argv) {
  parser_init();
  return rounds(argc, argv);
}
