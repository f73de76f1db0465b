"""A device of the local network that python3-zeroconf is: it has one service of SIP, and tells which others it finds.

Usage: names.py NAME PORT. It prints one line for each service, and ends when its input ends.
"""

import socket
import sys

from zeroconf import IPVersion, NonUniqueNameException, ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

TYPE = "_sip._udp.local."
name, port = sys.argv[1], int(sys.argv[2])


def changed(zeroconf, service_type, name, state_change):
    if state_change is ServiceStateChange.Added:
        info = zeroconf.get_service_info(service_type, name, 3000)
        if info is not None:
            print("found", name, info.server, info.port, info.parsed_addresses()[0], flush=True)
    elif state_change is ServiceStateChange.Removed:
        print("gone", name, flush=True)


network = Zeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
own = ServiceInfo(
    TYPE, f"{name}.{TYPE}", addresses=[socket.inet_aton("127.0.0.1")], port=port, server=f"{name}.local."
)
try:
    network.register_service(own)
    print("registered", name, flush=True)
except NonUniqueNameException:
    print("refused", name, flush=True)
ServiceBrowser(network, TYPE, handlers=[changed])
sys.stdin.read()
network.close()
