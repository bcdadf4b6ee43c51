"""The light import of Google's clients."""

import subprocess
import sys


def test_light_import_is_the_ordinary_client_in_the_end():
    code = """
from edgebook.cloud import lightimport
import sys
client = lightimport.compute_service("backend_services", "BackendServicesClient")
light = len([name for name in sys.modules if "compute_v1.services" in name])
assert light < 20, light
from google.cloud import compute_v1
assert compute_v1.NetworksClient
assert compute_v1.BackendServicesClient is client
assert compute_v1.Address(name="a").name == "a"
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


def test_light_import_falls_back_to_the_ordinary_one():
    code = """
from edgebook.cloud import lightimport
def broken():
    raise ImportError("as if Google had moved things")
lightimport._place_package = broken
client = lightimport.compute_service("firewalls", "FirewallsClient")
from google.cloud import compute_v1
assert compute_v1.FirewallsClient is client
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


def test_what_is_left_out_of_an_import_is_there_for_who_asks_afterwards():
    code = """
import sys
from edgebook.cloud.certificates import UNUSED
from edgebook.cloud.lightimport import without
with without(UNUSED):
    from google.cloud import certificate_manager_v1
assert not [name for name in sys.modules if name.partition(".")[0] == UNUSED]
assert certificate_manager_v1.CertificateManagerClient
import aiohttp
with without(UNUSED):
    import aiohttp.web
assert sys.modules[UNUSED] is aiohttp
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)
