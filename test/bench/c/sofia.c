/* sofia-sip: parses all header fields into its structures, as its transport does with a datagram. */
#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include "rounds.h"

static int parse_one(const char *text, size_t length) {
  msg_t *message = msg_make(sip_default_mclass(), 0, text, length);
  sip_t *sip = message == NULL ? NULL : sip_object(message);
  int is_good = sip != NULL && sip->sip_via != NULL && sip->sip_via->v_branch != NULL && sip->sip_cseq != NULL &&
                sip->sip_call_id != NULL && sip->sip_from != NULL && sip->sip_from->a_tag != NULL &&
                sip->sip_content_length != NULL;
  msg_destroy(message);
  return is_good;
}

int main(int argc, char **argv) {
  return rounds(argc, argv);
}
