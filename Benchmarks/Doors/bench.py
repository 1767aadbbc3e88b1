#!/usr/bin/env python3
"""bench.py BIN FOLDER [SECONDS [DEVICES [ROUNDS]]]: what a device costs the server, beside Debian's nginx in the same run.

BIN holds lifelong, lifelong-bench and load (scripts/bench-doors.sh builds them). Servers run on core 0 with one nginx worker, the
load on core 1; each figure is the CPU time of the server for one request (/proc/PID/stat), and the median of the rounds. Prints the
table for docs/performance.md. Ends only what it started."""
import base64, hashlib, json, os, shutil, signal, socket, ssl, statistics, subprocess, sys, time, urllib.parse

binaries, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 3
devices = int(sys.argv[4]) if len(sys.argv) > 4 else 500
rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
# Devices that enrol at once, and how many in a round.
crowds, newborn = (4, 32, 128), max(500, int(seconds * 600))
only = os.environ.get("ONLY", "full resumed keep ocsp est idle delivery").split()
# Each round of enrolments has devices of its own.
rooms = rounds * len(crowds) if "est" in only else 0
started = []
operational, birth = ".pem", "-birth.pem"


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600, **more).stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(*command, core="0", **more):
    log = open(f"{folder}/{os.path.basename(command[0])}.log", "ab")
    process = subprocess.Popen(["taskset", "-c", core, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, **more)
    started.append(process)
    return process


def wait_for(port):
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing listens on {port}; look into {folder}")


def put(name, text):
    path = f"{folder}/{name}"
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    return path


def load(mode, port, pid, workers, suffix, request, count=None, room=None):
    command = ["taskset", "-c", "1", f"{binaries}/load", mode, "127.0.0.1", str(port), str(pid), str(seconds if mode != "once" else 300),
               str(workers), str(count or devices), room or folder, suffix, request]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def ask(port, request, tls=True, certificate=None):
    """One answer, whole: head and body."""
    s = socket.create_connection(("127.0.0.1", port), 10)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate)
        s = context.wrap_socket(s)
    s.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        got += s.recv(65536)
    head, body = got.split(b"\r\n\r\n", 1)
    length = int([l for l in head.lower().split(b"\r\n") if l.startswith(b"content-length")][0].split(b":")[1])
    while len(body) < length:
        body += s.recv(65536)
    s.close()
    return head, body


def anonymous(pid):
    with open(f"/proc/{pid}/status") as file:
        return int([l for l in file if l.startswith("RssAnon")][0].split()[1]) * 1024


def nginx_chain():
    """A server chain like ours: root, issuing, leaf, all P-256."""
    def key(name):
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{folder}/{name}.key")
    for name in ("nroot", "nissuing", "nleaf"):
        key(name)
    run("openssl", "req", "-x509", "-new", "-key", f"{folder}/nroot.key", "-subj", "/CN=nroot", "-days", "30", "-out", f"{folder}/nroot.pem")
    for name, issuer, extension in (("nissuing", "nroot", "basicConstraints=critical,CA:TRUE"),
                                    ("nleaf", "nissuing", "subjectAltName=IP:127.0.0.1")):
        run("openssl", "req", "-new", "-key", f"{folder}/{name}.key", "-subj", f"/CN={name}", "-out", f"{folder}/{name}.csr")
        run("openssl", "x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/{issuer}.pem", "-CAkey",
            f"{folder}/{issuer}.key", "-CAcreateserial", "-days", "30", "-extfile", put(name + ".ext", extension), "-out",
            f"{folder}/{name}.pem")
    put("nchain.pem", open(f"{folder}/nleaf.pem").read() + open(f"{folder}/nissuing.pem").read())
    put("clients.pem", open(f"{folder}/root.pem").read() + open(f"{folder}/issuing.pem").read())


def start_nginx(tls_port, plain_port, bodies):
    os.makedirs(f"{folder}/www", exist_ok=True)
    for name, body in bodies.items():
        put(f"www/{name}", body)
    conf = put("nginx.conf", f"""
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log; user root;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_header_timeout 600s; send_timeout 600s; keepalive_requests 1000000000; keepalive_timeout 600; root {folder}/www; default_type application/json;
  open_file_cache max=100 inactive=600s; open_file_cache_valid 600s; sendfile on; tcp_nopush off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{tls_port} ssl backlog=1024; ssl_certificate {folder}/nchain.pem; ssl_certificate_key {folder}/nleaf.key;
    ssl_protocols TLSv1.3; ssl_client_certificate {folder}/clients.pem; ssl_verify_client on; ssl_verify_depth 3;
    ssl_session_tickets on; ssl_session_cache off; }}
  server {{ listen 127.0.0.1:{plain_port} backlog=1024; }}
}}""")
    master = start("/usr/sbin/nginx", "-c", conf, "-p", folder)
    wait_for(tls_port)
    time.sleep(0.3)
    return master, int(run("pgrep", "-P", str(master.pid)).split()[0])


def start_cfssl():
    """Debian's cfssl: signs over mutual TLS, and keeps nothing. None where it is not installed."""
    if not shutil.which("cfssl"):
        return None, 0
    port = free_port()
    put("cfssl.json", json.dumps({"signing": {"default": {"usages": ["digital signature", "client auth"], "expiry": "720h"}}}))
    for n in range(devices):
        csr = open(f"{folder}/devices/{n}.csr").read()
        body = json.dumps({"certificate_request": f"-----BEGIN CERTIFICATE REQUEST-----\n{csr}-----END CERTIFICATE REQUEST-----\n"})
        put(f"devices/{n}.cfssl", f"POST /api/v1/cfssl/sign HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    process = start("cfssl", "serve", "-address", "127.0.0.1", "-port", str(port), "-ca", f"{folder}/nissuing.pem", "-ca-key",
                    f"{folder}/nissuing.key", "-config", f"{folder}/cfssl.json", "-tls-cert", f"{folder}/nchain.pem", "-tls-key",
                    f"{folder}/nleaf.key", "-mutual-tls-ca", f"{folder}/clients.pem", "-loglevel", "5")
    wait_for(port)
    return process.pid, port


def start_server():
    ports = [free_port() for _ in range(3)]
    # One client stands for a million: what is fair to a single device is not measured here. A thousand handshakes take a while on a
    # machine that is busy: nobody is sent away meanwhile.
    settings = f"{folder}/home/lifelong.yaml"
    if not os.path.exists(settings):
        with open(settings, "w") as file:
            file.write("requestsPerDeviceSecond: 0\nidleSeconds: 600\n")
    server = start(f"{binaries}/lifelong", "serve", "--home", f"{folder}/home", "--log-level", "error", "--device",
                   f"127.0.0.1:{ports[0]}", "--people", f"127.0.0.1:{ports[1]}", "--public", f"127.0.0.1:{ports[2]}")
    for port in ports:
        wait_for(port)
    return server, ports


def delivery(device_port, pid, nginx_port, worker, cases, rows):
    """A release that a thousand connections download at once, over and over, ours and nginx's in turn."""
    crowd = 1000
    artifact, home = f"{folder}/www/artifact", f"{folder}/home"
    if not os.path.exists(f"{folder}/offered"):
        put("www/artifact", os.urandom(8 << 20))
        run(f"{binaries}/lifelong", "release", "publish", "bench-product", artifact, "--sequence", "1", "--version-name", "1",
            "--hardware", "board", "--home", home)
        run(f"{binaries}/lifelong", "release", "offer", "bench-product", "1", "--home", home)
        put("offered", "")
    name = hashlib.sha256(open(artifact, "rb").read()).hexdigest()
    head = "Host: 127.0.0.1\r\nUser-Agent: bench\r\n\r\n"
    theirs = put("get-artifact.http", f"GET /artifact HTTP/1.1\r\n{head}")
    ours = put("artifact.http", f"GET /device/v1/artifacts/{name} HTTP/1.1\r\n{head}")
    memory = {}
    for _ in range(rounds):
        for what, port, process, request in (("nginx delivery", nginx_port, worker, theirs), ("delivery", device_port, pid, ours)):
            before = anonymous(process)
            done = subprocess.run(["taskset", "-c", "1", f"{binaries}/drain", "127.0.0.1", str(port), str(process), str(max(seconds, 4)),
                                   str(crowd), str(devices), folder, request], capture_output=True, text=True, timeout=300)
            if done.returncode:
                raise SystemExit(f"drain: {done.stdout}{done.stderr}")
            found = json.loads(done.stdout)
            cases.setdefault(what, []).append(found["us_per_mib"])
            cases.setdefault(what + " rate", []).append(found["bytes"] / found["seconds"] / 1048576)
            memory.setdefault(what, []).append((found["memory"] - before) / 1048576)
            print(f"  {what}: {found['us_per_mib']:.0f} us a MiB, {cases[what + ' rate'][-1]:.0f} MiB/s, memory +{memory[what][-1]:.0f} MiB",
                  flush=True)
    share = ratio(cases, "nginx delivery", "delivery")
    rows.append(f"| a MiB of an artifact to {crowd} connections at once | {median(cases, 'delivery'):.0f} | nginx "
                f"{median(cases, 'nginx delivery'):.0f} | {share:.2f} | ≥ 0.80 | {'yes' if share >= 0.8 else 'NO'} |")
    rows.append(f"| its memory, MiB more than before | {max(memory['delivery']):.0f} | nginx {max(memory['nginx delivery']):.0f} | | | |")


def median(cases, name):
    return statistics.median(cases[name])


def ratio(cases, name, peer):
    """Of each round, because a machine that others share changes its speed between rounds; the median of them."""
    return statistics.median(ours / theirs for ours, theirs in zip(cases[name], cases[peer]))


def main():
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if not os.path.exists(f"{folder}/root.pem"):
        run(f"{binaries}/lifelong-bench", "home", folder, str(devices), str(rooms), str(newborn))
    server, (device_port, _, public_port) = start_server()
    report = json.dumps({"agent": "lifelong-agent/0.1.0", "configuration": 0, "log": [],
                         "posture": {"keys": "files", "log": "whole", "secureBoot": "on"}, "sequence": 3, "slot": "a",
                         "version": "1.4.2"}, separators=(",", ":"))
    check_in = put("check-in.http", f"POST /device/v1/check-in HTTP/1.1\r\nHost: 127.0.0.1:{device_port}\r\nUser-Agent: bench\r\n"
                   f"Content-Type: application/json\r\nContent-Length: {len(report)}\r\n\r\n{report}")
    bare = put("bare.http", f"GET /.well-known/est/csrattrs HTTP/1.1\r\nHost: 127.0.0.1:{device_port}\r\nUser-Agent: bench\r\n\r\n")
    get = put("get.http", "GET /answer HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n\r\n")
    get_status = put("get-status.http", "GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n\r\n")
    for place, each in [("", devices)] + [(f"newborn{room}/", newborn) for room in range(rooms)]:
        for n in range(each):
            csr = open(f"{folder}/{place}devices/{n}.csr").read()
            put(f"{place}devices/{n}.enrol", f"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: 127.0.0.1:{device_port}\r\n"
                f"User-Agent: bench\r\nContent-Type: application/pkcs10\r\nContent-Length: {len(csr)}\r\n\r\n{csr}")
    for n in range(devices):
        if n < 200 and not os.path.exists(f"{folder}/devices/{n}.ocsp"):
            run("openssl", "ocsp", "-issuer", f"{folder}/issuing.pem", "-cert", f"{folder}/devices/{n}.pem", "-no_nonce", "-reqout",
                f"{folder}/devices/{n}.ocsp-der")
            request = urllib.parse.quote(base64.b64encode(open(f"{folder}/devices/{n}.ocsp-der", "rb").read()).decode(), safe="")
            put(f"devices/{n}.ocsp", f"GET /ocsp/operational-issuing-1/{request} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n\r\n")
    ocsp_count = min(devices, 200)
    _, answer = ask(device_port, open(check_in, "rb").read(), certificate=f"{folder}/devices/0{operational}")
    _, status = ask(public_port, open(f"{folder}/devices/0.ocsp", "rb").read(), tls=False)
    nginx_chain()
    nginx_tls, nginx_plain = free_port(), free_port()
    _, worker = start_nginx(nginx_tls, nginx_plain, {"answer": answer, "status": status})
    cfssl, cfssl_port = start_cfssl()
    pid = server.pid
    print(f"check-in answer {len(answer)} bytes, OCSP answer {len(status)} bytes, {devices} devices, {rounds} rounds of {seconds:g} s",
          flush=True)
    cases, walls = {}, {}

    def case(name, *arguments, **more):
        result = load(*arguments, **more)
        cases.setdefault(name, []).append(result["us"])
        walls.setdefault(name, []).append(result["requests"] / result["seconds"])
        print(f"  {name}: {result['us']:.1f} us, {result['requests'] / result['seconds']:.0f}/s, resumed {result['resumed']}", flush=True)

    for _ in range(rounds):
        if "full" in only:
            case("nginx full", "full", nginx_tls, worker, 4, operational, get)
            case("full", "full", device_port, pid, 4, operational, check_in)
            case("bare", "full", device_port, pid, 4, operational, bare)
        if "resumed" in only:
            case("nginx resumed", "resumed", nginx_tls, worker, 4, operational, get)
            case("resumed", "resumed", device_port, pid, 4, operational, check_in)
        if "keep" in only:
            case("nginx keep", "keep", nginx_tls, worker, 1, operational, get)
            case("keep", "keep", device_port, pid, 1, operational, check_in)
        if "ocsp" in only:
            case("nginx ocsp", "plainkeep", nginx_plain, worker, 1, operational, get_status, count=ocsp_count)
            case("ocsp", "plainkeep", public_port, pid, 1, operational, f"{folder}/devices/%d.ocsp", count=ocsp_count)
    delivered = []
    if "delivery" in only:
        delivery(device_port, pid, nginx_tls, worker, cases, delivered)
    # Last, because a device that enrols anew has its operational certificate, with which the others are measured, replaced.
    for round_ in range(rounds):
        if "est" not in only:
            break
        for number, crowd in enumerate(crowds):
            case(f"bare, {crowd} at once", "full", device_port, pid, crowd, operational, bare)
            room = f"{folder}/newborn{round_ * len(crowds) + number}"
            case(f"est, {crowd} at once", "once", device_port, pid, crowd, birth, f"{room}/devices/%d.enrol", count=newborn, room=room)
            if cfssl:
                case(f"cfssl, {crowd} at once", "full", cfssl_port, cfssl, crowd, operational, f"{folder}/devices/%d.cfssl")
        case("est again", "full", device_port, pid, 4, birth, f"{folder}/devices/%d.enrol")
    rows = []

    def row(what, ours, peer, peers_name, found, limit, holds):
        rows.append(f"| {what} | {ours:.1f} | {peers_name} {peer:.1f} | {found:.2f} | {limit} | {'yes' if holds else 'NO'} |")

    def compare(what, name, peer, peers_name, limit=None):
        found = ratio(cases, name, peer)
        row(what, median(cases, name), median(cases, peer), peers_name, found, f"≤ {limit:.2f}" if limit else "",
            limit is None or found <= limit)

    def compare_rate(what, name, peer):
        found = ratio(cases, peer, name)
        row(what, median(cases, name), median(cases, peer), "nginx", found, "≥ 0.60", found >= 0.6)

    if "full" in only:
        compare("new mutual-TLS connection with a check-in", "full", "nginx full", "nginx", 0.5)
    if "resumed" in only and "full" in only:
        compare("the same, resumed", "resumed", "full", "its own full", 0.67)
        compare("nginx resumed, for comparison", "nginx resumed", "nginx full", "its full")
    if "keep" in only:
        compare_rate("check-in on a kept connection", "keep", "nginx keep")
    if "ocsp" in only:
        compare_rate("OCSP answer", "ocsp", "nginx ocsp")
    for crowd in crowds if "est" in only else ():
        name, bare_ = f"est, {crowd} at once", f"bare, {crowd} at once"
        cases[f"allowed {crowd}"] = [1.3 * us + 75 for us in cases[bare_]]
        found = ratio(cases, name, f"allowed {crowd}")
        row(f"EST enrolment, all in, {crowd} devices at once", median(cases, name), median(cases, bare_), "bare connection", found,
            "≤ 1.00 of 1.3 × bare + 75 us", found <= 1)
        if cfssl:
            compare("the same beside cfssl, which keeps nothing", name, f"cfssl, {crowd} at once", "cfssl", 1)
    if "est" in only:
        rows.append(f"| the same of a device that has a certificate already, 4 at once | {median(cases, 'est again'):.1f} | | | | |")
    if "idle" in only:
        count, memory = 3000, {}
        for name, port, process, request in (("nginx", nginx_tls, worker, get), ("ours", device_port, pid, bare)):
            before = anonymous(process)
            client = subprocess.Popen(["taskset", "-c", "1", f"{binaries}/load", "idle", "127.0.0.1", str(port), "0", "30", str(count),
                                       str(devices), folder, operational, request], stdout=subprocess.PIPE, text=True)
            client.stdout.readline()
            time.sleep(1)
            memory[name] = (anonymous(process) - before) / count / 1024
            client.kill()
            client.wait()
            time.sleep(1)
        rows.append(f"| an idle connection, KiB | {memory['ours']:.1f} | nginx {memory['nginx']:.1f} | "
                    f"{memory['ours'] / memory['nginx']:.2f} | ≤ 1.20 | {'yes' if memory['ours'] <= 1.2 * memory['nginx'] else 'NO'} |")
    print("\n| what | us of CPU | peer, same run | ratio | limit | holds |\n|---|---|---|---|---|---|")
    print("\n".join(rows + delivered))


try:
    main()
finally:
    for process in reversed(started):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
