"""What a decision on one node is to the others, as seen from outside.

probe.py watch FOLDER STOP PORT...      reads every node's checkpoint until the file STOP is there; keeps each in FOLDER
probe.py cut PEOPLE TOKEN ACTION DEVICE BALANCER PORT...   does ACTION on the node PEOPLE while DEVICE (a file of a fleet's
                                        folder) calls all ports, over connections that are kept, and over resumed sessions
                                        where it is one node (a ticket is good at the node that gave it)
probe.py held FOLDER                    SHA-256 of the certificate that each device of a fleet holds
"""
import base64, glob, hashlib, http.client, json, os, socket, ssl, sys, threading, time, urllib.request


def watch(folder, stop, ports):
    os.makedirs(folder)
    seen, last, reads = {}, 0, 0
    while not os.path.exists(stop):
        for port in ports:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ledger/checkpoint", timeout=5) as answer:
                    note = answer.read()
            except OSError:
                continue  # That node was killed.
            size = int(note.split(b"\n")[1])
            reads += 1
            assert size >= last, f"{port} shows {size} entries after {last} were seen"
            assert seen.setdefault(size, note) == note, f"two histories of {size} entries"
            last = size
        time.sleep(0.02)
    for size, note in seen.items():
        with open(f"{folder}/{size:08}", "wb") as file:
            file.write(note)
    print(f"checkpoints: {len(seen)} in {reads} looks")


def pem(kind, der):
    return f"-----BEGIN {kind}-----\n{base64.encodebytes(der).decode()}-----END {kind}-----\n"


def record(path):
    with open(path) as file:
        kept = json.load(file)
    files = {name: base64.b64decode(text) for name, text in kept["disk"]["files"].items()}
    return kept["keys"], json.loads(files["/device/identity/unit.json"]), json.loads(files["/device/operational/current.json"])


class Device:
    """A device of a simulated fleet, with its operational certificate."""

    def __init__(self, path):
        keys, unit, current = record(path)
        self.serial = unit["serial"]
        # ECPrivateKey (RFC 5915) of P-256, without its public half.
        key = bytes.fromhex("30310201010420") + base64.b64decode(keys[current["key"]]) + bytes.fromhex("a00a06082a8648ce3d030107")
        certificates = [current["certificate"], *current["chain"]]
        with open("probe.pem", "w") as file:
            os.chmod("probe.pem", 0o600)
            file.write(pem("EC PRIVATE KEY", key) + "".join(pem("CERTIFICATE", base64.b64decode(c)) for c in certificates))
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.context.load_cert_chain("probe.pem")

    def connect(self, port, session=None):
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        return self.context.wrap_socket(plain, session=session)

    def check_in(self, secured):
        body = json.dumps({"agent": "probe/1", "sequence": 0, "version": "1", "configuration": 0, "posture": {}, "log": []})
        secured.sendall(
            f"POST /device/v1/check-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = http.client.HTTPResponse(secured)
        answer.begin()
        answer.read()
        return answer.status


class Caller(threading.Thread):
    """Calls one node again and again, and notes when each call was sent and what it got."""

    def __init__(self, device, port, resumes):
        super().__init__(daemon=True)
        self.device, self.port, self.resumes = device, port, resumes
        self.calls, self.trouble, self.over = [], None, False
        self.secured = device.connect(port)
        assert device.check_in(self.secured) == 200, f"{device.serial} is not served before"
        self.session = self.secured.session
        # OpenSSL never resumes the session of a connection that was let go without a farewell.
        self.connections = [self.secured]

    def run(self):
        try:
            while not self.over:
                if self.resumes:
                    self.secured = self.device.connect(self.port, self.session)
                    self.connections.append(self.secured)
                    assert self.secured.session_reused, "the session was not resumed"
                sent = time.monotonic()
                self.calls.append((sent, self.device.check_in(self.secured)))
                if self.resumes:
                    self.secured.close()
                time.sleep(0.002)
        except Exception as error:
            self.trouble = error


def cut(people, token, action, path, balancer, ports):
    device = Device(path)
    callers = [Caller(device, port, resumes) for port in ports for resumes in (False, True)]
    callers.append(Caller(device, balancer, False))
    for caller in callers:
        caller.start()
    time.sleep(0.5)
    bodies = {
        "use/quarantine-device": {"device": device.serial, "reason": "probe"},
        "retirement/retire-device": {"device": device.serial, "how": "destroyed"},
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{people}/api/v1/{action}", data=json.dumps(bodies[action]).encode(),
        headers={"Authorization": "Bearer " + open(token).read().strip(), "Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=20).read()
    answered = time.monotonic()
    time.sleep(2)
    for caller in callers:
        caller.over = True
    for caller in callers:
        caller.join(20)
        name = f"{action} {caller.port} {'resumed' if caller.resumes else 'kept'}"
        assert caller.trouble is None, f"{name}: {caller.trouble!r}"
        statuses = {status for _, status in caller.calls}
        assert statuses == {200, 403}, f"{name}: {statuses}"
        late = max(sent for sent, status in caller.calls if status == 200) - answered
        after = [status for sent, status in caller.calls if sent > answered + 1]
        # What was sent a second after the answer is refused, however slow the machine is.
        assert after and set(after) == {403}, f"{name}: served {late:.3f} s after the answer"
        print(f"{name}: last served {max(late, 0) * 1000:.0f} ms after the answer, {len(caller.calls)} calls")


def held(folder):
    for path in sorted(glob.glob(folder + "/*.json")):
        print(hashlib.sha256(base64.b64decode(record(path)[2]["certificate"])).hexdigest())


if sys.argv[1] == "watch":
    watch(sys.argv[2], sys.argv[3], [int(port) for port in sys.argv[4:]])
elif sys.argv[1] == "cut":
    cut(int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5], int(sys.argv[6]), [int(port) for port in sys.argv[7:]])
else:
    held(sys.argv[2])
