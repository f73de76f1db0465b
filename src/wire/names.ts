/** Names as numbers: methods and header fields, with their spelling on the wire, and transports. */
import { octets } from "../core/bytes.js";

// Methods. 0 means "not a request"; METHOD_OTHER is an unknown method that is well formed.
export const METHOD_NONE = 0;
export const METHOD_INVITE = 1;
export const METHOD_ACK = 2;
export const METHOD_BYE = 3;
export const METHOD_CANCEL = 4;
export const METHOD_REGISTER = 5;
export const METHOD_OPTIONS = 6;
export const METHOD_INFO = 7;
export const METHOD_MESSAGE = 8;
export const METHOD_UPDATE = 9;
export const METHOD_PRACK = 10;
export const METHOD_SUBSCRIBE = 11;
export const METHOD_NOTIFY = 12;
export const METHOD_REFER = 13;
export const METHOD_PUBLISH = 14;
export const METHOD_OTHER = 15;

/** Names by method number; the empty entries have no spelling of their own. */
export const METHOD_NAMES: readonly Uint8Array[] = [
  octets(""),
  octets("INVITE"),
  octets("ACK"),
  octets("BYE"),
  octets("CANCEL"),
  octets("REGISTER"),
  octets("OPTIONS"),
  octets("INFO"),
  octets("MESSAGE"),
  octets("UPDATE"),
  octets("PRACK"),
  octets("SUBSCRIBE"),
  octets("NOTIFY"),
  octets("REFER"),
  octets("PUBLISH"),
  octets(""),
];

// Header fields. 0 is an unknown field that is well formed.
export const HEADER_OTHER = 0;
export const HEADER_VIA = 1;
export const HEADER_FROM = 2;
export const HEADER_TO = 3;
export const HEADER_CALL_ID = 4;
export const HEADER_CSEQ = 5;
export const HEADER_MAX_FORWARDS = 6;
// `Message.parse` also reads the values of the fields up to here.
export const HEADER_CONTENT_LENGTH = 7;
export const HEADER_CONTACT = 8;
export const HEADER_CONTENT_TYPE = 9;
export const HEADER_ROUTE = 10;
export const HEADER_RECORD_ROUTE = 11;
export const HEADER_EXPIRES = 12;
export const HEADER_MIN_EXPIRES = 13;
export const HEADER_WWW_AUTHENTICATE = 14;
export const HEADER_PROXY_AUTHENTICATE = 15;
export const HEADER_AUTHORIZATION = 16;
export const HEADER_PROXY_AUTHORIZATION = 17;
export const HEADER_REQUIRE = 18;
export const HEADER_PROXY_REQUIRE = 19;
export const HEADER_SUPPORTED = 20;
export const HEADER_UNSUPPORTED = 21;
export const HEADER_ALLOW = 22;
export const HEADER_ACCEPT = 23;
export const HEADER_CONTENT_ENCODING = 24;
export const HEADER_CONTENT_DISPOSITION = 25;
export const HEADER_RETRY_AFTER = 26;
export const HEADER_RSEQ = 27;
export const HEADER_RACK = 28;
export const HEADER_SESSION_EXPIRES = 29;
export const HEADER_MIN_SE = 30;
export const HEADER_REASON = 31;
export const HEADER_WARNING = 32;
export const HEADER_USER_AGENT = 33;
export const HEADER_SERVER = 34;
export const HEADER_SUBJECT = 35;
export const HEADER_TIMESTAMP = 36;
export const HEADER_DATE = 37;
export const HEADER_EVENT = 38;
export const HEADER_SUBSCRIPTION_STATE = 39;
export const HEADER_CALL_INFO = 40;
export const HEADER_ALERT_INFO = 41;
export const HEADER_PATH = 42;
export const HEADER_SERVICE_ROUTE = 43;
export const HEADER_MIME_VERSION = 44;
export const HEADER_ACCEPT_ENCODING = 45;
export const HEADER_ACCEPT_LANGUAGE = 46;
export const HEADER_REFER_TO = 47;
export const HEADER_REPLACES = 48;
export const HEADER_AUTHENTICATION_INFO = 49;
export const HEADER_MAX_BREADTH = 50;
export const HEADER_P_ASSERTED_IDENTITY = 51;
/** RFC 5373. */
export const HEADER_ANSWER_MODE = 52;
/** RFC 3325; a draft that never became one, but is in use; RFC 3323. */
export const HEADER_P_PREFERRED_IDENTITY = 53;
export const HEADER_REMOTE_PARTY_ID = 54;
export const HEADER_PRIVACY = 55;
/** RFC 3892; RFC 4488. */
export const HEADER_REFERRED_BY = 56;
export const HEADER_REFER_SUB = 57;
/** RFC 5626. */
export const HEADER_FLOW_TIMER = 58;
/** Number of header ids. */
export const HEADER_COUNT = 59;

/** Long names by header id. */
export const HEADER_NAMES: readonly Uint8Array[] = [
  octets(""),
  octets("Via"),
  octets("From"),
  octets("To"),
  octets("Call-ID"),
  octets("CSeq"),
  octets("Max-Forwards"),
  octets("Content-Length"),
  octets("Contact"),
  octets("Content-Type"),
  octets("Route"),
  octets("Record-Route"),
  octets("Expires"),
  octets("Min-Expires"),
  octets("WWW-Authenticate"),
  octets("Proxy-Authenticate"),
  octets("Authorization"),
  octets("Proxy-Authorization"),
  octets("Require"),
  octets("Proxy-Require"),
  octets("Supported"),
  octets("Unsupported"),
  octets("Allow"),
  octets("Accept"),
  octets("Content-Encoding"),
  octets("Content-Disposition"),
  octets("Retry-After"),
  octets("RSeq"),
  octets("RAck"),
  octets("Session-Expires"),
  octets("Min-SE"),
  octets("Reason"),
  octets("Warning"),
  octets("User-Agent"),
  octets("Server"),
  octets("Subject"),
  octets("Timestamp"),
  octets("Date"),
  octets("Event"),
  octets("Subscription-State"),
  octets("Call-Info"),
  octets("Alert-Info"),
  octets("Path"),
  octets("Service-Route"),
  octets("MIME-Version"),
  octets("Accept-Encoding"),
  octets("Accept-Language"),
  octets("Refer-To"),
  octets("Replaces"),
  octets("Authentication-Info"),
  octets("Max-Breadth"),
  octets("P-Asserted-Identity"),
  octets("Answer-Mode"),
  octets("P-Preferred-Identity"),
  octets("Remote-Party-ID"),
  octets("Privacy"),
  octets("Referred-By"),
  octets("Refer-Sub"),
  octets("Flow-Timer"),
];

// Transports. TRANSPORT_NONE means "not given"; TRANSPORT_OTHER is an unknown transport that is well formed.
export const TRANSPORT_NONE = 0;
export const TRANSPORT_UDP = 1;
export const TRANSPORT_TCP = 2;
export const TRANSPORT_TLS = 3;
export const TRANSPORT_OTHER = 4;
