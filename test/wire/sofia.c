/*
 * Reads SIP messages, each behind its length on a line of its own, and prints a line for each: "ok", or the part that
 * sofia-sip does not accept.
 */
#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/url.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_bad_url(const url_t *url) {
  return url->url_type != url_sip || url->url_host == NULL || url->url_host[0] == '\0' || url->url_headers != NULL;
}

static const char *problem_of(sip_t *sip) {
  if (sip == NULL) return "no message";
  if (sip->sip_error != NULL) return "a header field";
  if (sip->sip_flags & MSG_FLG_ERROR) return "the message";
  if (sip->sip_via == NULL || sip->sip_via->v_branch == NULL) return "Via";
  if (sip->sip_from == NULL || sip->sip_from->a_tag == NULL) return "From";
  if (sip->sip_to == NULL) return "To";
  if (sip->sip_call_id == NULL || sip->sip_cseq == NULL) return "Call-ID, CSeq";
  if (sip_sanity_check(sip) != 0) return "what has to be there";
  if (sip->sip_request != NULL && is_bad_url(sip->sip_request->rq_url)) return "Request-URI";
  if (is_bad_url(sip->sip_from->a_url)) return "the URI in From";
  if (is_bad_url(sip->sip_to->a_url)) return "the URI in To";
  for (sip_contact_t *m = sip->sip_contact; m != NULL; m = m->m_next)
    if (is_bad_url(m->m_url)) return "the URI in Contact";
  for (sip_route_t *r = sip->sip_route; r != NULL; r = r->r_next)
    if (is_bad_url(r->r_url) || !url_has_param(r->r_url, "lr")) return "the URI in Route";
  if (sip->sip_www_authenticate != NULL && sip->sip_www_authenticate->au_params == NULL) return "WWW-Authenticate";
  if (sip->sip_authorization != NULL && sip->sip_authorization->au_params == NULL) return "Authorization";
  return NULL;
}

int main(void) {
  static char text[65536];
  size_t length;
  while (scanf("%zu", &length) == 1 && getchar() == '\n') {
    if (length > sizeof text || fread(text, 1, length, stdin) != length) return 2;
    msg_t *message = msg_make(sip_default_mclass(), 0, text, length);
    const char *problem = problem_of(message == NULL ? NULL : sip_object(message));
    puts(problem == NULL ? "ok" : problem);
    msg_destroy(message);
  }
  return 0;
}
