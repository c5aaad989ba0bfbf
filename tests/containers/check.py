"""Looks at the composed stack from outside: a message gets its answer, also after each restart, and the walls hold.

Standard library only, run by run.sh with whatever Python 3 the machine has.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

COMPOSE = "tools/compose.sh"
SERVICES = ("db", "web", "worker", "bot")
READY_LIMIT_S = 180
REPLY_LIMIT_S = 40
CANARY = "hello canary-in-a-container"


def compose(*words, check=True):
    done = subprocess.run([COMPOSE, *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise SystemExit(f"compose {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return done


def docker(*words):
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


def inside(service, source):
    """Run Python in a container: (exit code, output)."""
    done = compose("exec", "-T", service, "python", "-c", source, check=False)
    return done.returncode, done.stdout.strip()


def passed(what):
    sys.stdout.write(f"ok  {what}\n")
    sys.stdout.flush()


def require(condition, what):
    if not condition:
        raise SystemExit(f"NOT  {what}")
    passed(what)


def container(service):
    return compose("ps", "-q", service).stdout.split()[0]


def state(service):
    return json.loads(docker("inspect", container(service)))[0]


def wait_until_healthy():
    began = time.monotonic()
    waiting = list(SERVICES)
    while waiting:
        if time.monotonic() - began > READY_LIMIT_S:
            sys.stderr.write(compose("logs", "--tail=30", check=False).stdout)
            raise SystemExit(f"NOT  healthy within {READY_LIMIT_S} s: {waiting}")
        time.sleep(1)
        waiting = [name for name in waiting if state(name)["State"].get("Health", {}).get("Status") != "healthy"]
    return time.monotonic() - began


def control(path, body=None):
    """Ask the stand-in provider, from its own container: it publishes no port."""
    data = json.dumps(body).encode() if body else None
    source = (
        "import urllib.request as u\n"
        f"request = u.Request('http://127.0.0.1:8010/control/{path}', data={data!r})\n"
        "request.add_header('Content-Type', 'application/json')\n"
        "print(u.urlopen(request, timeout=10).read().decode())"
    )
    code, output = inside("simulator", source)
    if code:
        raise SystemExit(f"NOT  the stand-in provider answers: {output}")
    return json.loads(output)


def wait_for_simulator():
    deadline = time.monotonic() + 60
    probe = "import urllib.request as u; u.urlopen('http://127.0.0.1:8010/control/health', timeout=3)"
    while inside("simulator", probe)[0]:
        if time.monotonic() > deadline:
            raise SystemExit("NOT  the stand-in provider starts")
        time.sleep(1)


def conversation(address, text):
    """Send a text from a phone and wait for what comes back on it: seconds, and the first answer."""
    since = control("messages")["last"]
    began = time.monotonic()
    control("send", {"channel": "sms-twilio", "address": address, "kind": "text", "text": text})
    while time.monotonic() - began < REPLY_LIMIT_S:
        entries = control(f"messages?since={since}&channel=sms-twilio&address={quote(address)}")["entries"]
        answers = [entry for entry in entries if entry["direction"] == "got"]
        if answers:
            return time.monotonic() - began, answers[0]
        time.sleep(0.3)
    sys.stderr.write(compose("logs", "--tail=40", "web", "worker", "bot", check=False).stdout)
    raise SystemExit(f"NOT  an answer within {REPLY_LIMIT_S} s")


def check_messages():
    address = control("phones", {"channel": "sms-twilio"})["address"]
    seconds, answer = conversation(address, CANARY)
    require(answer["text"], f"a signed webhook is answered at the provider ({seconds:.1f} s)")
    for service in SERVICES:
        compose("restart", "-t", "5", service)
        back = wait_until_healthy()
        seconds, answer = conversation(address, "menu")
        require(
            answer["text"], f"after a restart of {service} (healthy in {back:.0f} s) the answer comes ({seconds:.1f} s)"
        )


def check_forged():
    request = urllib.request.Request("http://127.0.0.1:18000/webhooks/sms-twilio", data=b"From=%2B15550100777&Body=x")
    try:
        status = urllib.request.urlopen(request, timeout=10).status  # noqa: S310 - a fixed address
    except urllib.error.HTTPError as error:
        status = error.code
    require(status == 403, "a webhook without signature is refused at the published port")


def check_ports():
    published = {}
    for service in (*SERVICES, "simulator"):
        ports = state(service)["NetworkSettings"]["Ports"] or {}
        published[service] = sorted(port for port, where in ports.items() if where)
    require(published.pop("web") == ["8000/tcp"], "web publishes the public port only")
    require(not any(published.values()), "nothing else publishes a port")


def connects(service, host, port):
    return inside(service, f"import socket; socket.create_connection(('{host}', {port}), 3).close()")[0] == 0


def address_of(service, network):
    networks = state(service)["NetworkSettings"]["Networks"]
    return next((found["IPAddress"] for name, found in networks.items() if name.endswith(network)), None)


def check_island():
    database, provider = address_of("db", "data"), address_of("simulator", "outside")
    require(connects("worker", database, 5432), "the worker reaches the database")
    require(not connects("bot", database, 5432) and not connects("bot", "db", 5432), "the assistant does not")
    require(connects("worker", provider, 8010), "the worker reaches the provider")
    require(not connects("bot", provider, 8010), "the assistant does not")
    attached = list(state("bot")["NetworkSettings"]["Networks"])
    require(len(attached) == 1, "the assistant is on one network only")
    network = json.loads(docker("network", "inspect", attached[0]))[0]
    require(network["Internal"], "which has no way out")
    require(not connects("bot", "192.0.2.1", 80), "nothing beyond it answers the assistant")
    secrets = inside("bot", "import os; print(sorted(os.listdir('/run/secrets')))")[1]
    require(secrets == "['amana_internal_token', 'amana_rasa_token']", "the assistant holds its two tokens and no key")


def check_walls():
    for service in ("web", "worker", "bot"):
        uid = inside(service, "import os; print(os.getuid())")[1]
        require(uid not in ("", "0"), f"{service} is not root")
        require(
            inside(service, "open('/app/x', 'w')")[0] and inside(service, "open('/x', 'w')")[0],
            f"{service} is read-only",
        )
        found = state(service)["HostConfig"]
        require(found["CapDrop"] == ["ALL"] and not found["CapAdd"], f"{service} has no capability")
        require("no-new-privileges:true" in found["SecurityOpt"], f"{service} gains no privilege")


def run_tool(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
    require(done.returncode == 0, f"{words[0]} works")


def sql(statement):
    shell = f'PGPASSWORD=$(cat /run/secrets/postgres_password) psql -XAtq -U amana amana -c "{statement}"'
    return compose("exec", "-T", "db", "sh", "-c", shell).stdout.strip()


def check_backup():
    """A person who was erased after the backup is not brought back by it; everyone else is."""
    folder = Path(os.environ["BACKUPS"])
    address = control("phones", {"channel": "sms-twilio"})["address"]
    conversation(address, "hello")
    run_tool("tools/backup.sh")
    erased, kept = (folder / "keys" / "ids.txt").read_text().split()[:2]
    (folder / "erased.txt").write_text(f"{erased}\n")
    run_tool("tools/restore.sh", "latest")
    left = sql(
        f"SELECT length(wrapped) FROM vault.data_keys WHERE id IN ('{erased}', '{kept}') ORDER BY length(wrapped)"  # noqa: S608
    )
    require(
        left.split()[0] == "0" and int(left.split()[1]) > 0,
        "the key of an erased person stays destroyed, others do not",
    )
    wait_until_healthy()
    seconds, answer = conversation(address, "menu")
    require(answer["text"], f"the restored stack answers the same phone ({seconds:.1f} s)")


def check_logs():
    logs = compose("logs", "--no-color").stdout
    require(len(logs) > 100 and "canary-in-a-container" not in logs, "no log holds what a person wrote")


if __name__ == "__main__":
    passed(f"all healthy in {wait_until_healthy():.0f} s")
    wait_for_simulator()
    check_forged()
    check_ports()
    check_walls()
    check_island()
    check_messages()
    check_backup()
    check_logs()
    passed("containers: everything holds")
