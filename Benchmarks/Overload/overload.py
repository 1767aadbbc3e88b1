"""overload.py BIN FOLDER [SECONDS [DEVICES [HALF_OPEN]]]: what a crowd does to the server, and how it comes out of it.

A real `lifelong serve` on a home with DEVICES enrolled devices; the crowd is another process (storm.c). Measured are goodput before,
during and after, refusals with a time to come back, fairness, memory over time and the time until a quiet device is answered as
fast as before. Fails if a bound that docs/threat-model.md names does not hold."""

import json, os, socket, ssl, subprocess, sys, threading, time

binaries, folder = sys.argv[1], os.path.abspath(sys.argv[2])
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 60
devices = int(sys.argv[4]) if len(sys.argv) > 4 else 20_000
half_open = int(sys.argv[5]) if len(sys.argv) > 5 else 5_000
complaints = []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident(pid):
    """MiB."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def ask(port, number, request, timeout=30):
    """Seconds that one check-in takes on a connection of its own, and its status; None if there was no answer."""
    context = ssl._create_unverified_context()
    context.load_cert_chain(f"{folder}/devices/{number}.pem")
    began = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as raw, context.wrap_socket(raw) as tls:
            tls.sendall(request)
            return time.monotonic() - began, int(tls.recv(4096).split()[1])
    except (OSError, IndexError, ValueError):
        return None


def storm(mode, port, length, count, at_once, request):
    done = subprocess.run(["/bin/sh", "-c", 'ulimit -n 65536 2>/dev/null; exec "$@"', "sh", f"{binaries}/storm", mode, str(port), str(length),
                           str(count), str(at_once), folder, request], stdout=subprocess.PIPE, text=True, timeout=length + 60)
    if done.returncode:
        raise SystemExit(f"storm {mode} ended with {done.returncode}")
    return json.loads(done.stdout)


def demand(holds, what):
    print(f"  {'holds' if holds else 'FAILS'}: {what}", flush=True)
    if not holds:
        complaints.append(what)


def main():
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if not os.path.exists(f"{folder}/root.pem"):
        subprocess.run([f"{binaries}/lifelong-bench", "home", folder, str(devices)], check=True)
    ports = [free_port() for _ in range(3)]
    with open(f"{folder}/home/lifelong.yaml", "w") as file:
        file.write("idleSeconds: 10\nmaximumConnections: 10000\n")
    server = subprocess.Popen(
        # With the few open files that a shell has: the server raises them itself.
        ["/bin/sh", "-c", 'ulimit -Sn 1024; exec "$@"', "sh", f"{binaries}/lifelong", "serve", "--home", f"{folder}/home",
         "--log-level", "error", "--device", f"127.0.0.1:{ports[0]}", "--people", f"127.0.0.1:{ports[1]}", "--public", f"127.0.0.1:{ports[2]}"],
        stdout=subprocess.DEVNULL)
    memory, stop = [], threading.Event()

    def watch():
        while not stop.wait(1) and server.poll() is None:
            memory.append(resident(server.pid))

    try:
        port = ports[0]
        body = b'{"agent":"storm/1","configuration":0,"log":[],"posture":{},"sequence":0,"version":"1.0.0"}'
        request = (b"POST /device/v1/check-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)) + body
        with open(f"{folder}/check-in.http", "wb") as file:
            file.write(request)
        path = f"{folder}/check-in.http"
        for _ in range(300):
            if ask(port, 0, request):
                break
            time.sleep(0.1)
        quiet = sorted(ask(port, n, request)[0] for n in range(20))[10]
        threading.Thread(target=watch, daemon=True).start()
        print(f"a quiet device: {quiet * 1000:.1f} ms; memory {resident(server.pid):.0f} MiB", flush=True)

        def recovered(after, limit=30):
            """Seconds until a device is answered as fast as before, within a factor of three and 50 ms."""
            began = time.monotonic()
            while time.monotonic() - began < limit:
                result = ask(port, 1, request)
                if result and result[1] == 200 and result[0] < 3 * quiet + 0.05:
                    return time.monotonic() - began
            return None

        def phase(name, mode, length, count, at_once, honest=0):
            """`honest`: least share of the requests of devices that mean well, beside it, to be answered within five seconds."""
            start = len(memory)
            beside, ended = [], threading.Event()

            def mean_well():
                while not ended.wait(0.1):
                    beside.append(ask(port, len(beside) % devices, request))

            well = threading.Thread(target=mean_well, daemon=True)
            if honest:
                well.start()
            result = storm(mode, port, length, count, at_once, path)
            ended.set()
            if honest:
                well.join(30)
                good = [r[0] for r in beside if r and r[1] == 200 and r[0] < 5]
                demand(len(beside) > 20 and len(good) >= honest * len(beside),
                       f"{name}: devices that mean well are served beside it ({len(good)} of {len(beside)}, "
                       f"half of them within {sorted(good)[len(good) // 2] * 1000 if good else 0:.0f} ms)")
            back = recovered(name)
            peak = max(memory[start:] or [0])
            print(f"{name}: {result['ok'] / result['seconds']:.0f} check-ins/s; {json.dumps(result)}; memory at most {peak:.0f} MiB; "
                  f"as fast as before after {'never' if back is None else f'{back:.1f} s'}", flush=True)
            demand(back is not None, f"{name}: recovers without help")
            demand(result["withoutRetryAfter"] == 0, f"{name}: every refusal has Retry-After")
            return result

        calm = phase("sustainable", "flood", max(3, seconds / 6), devices, 16)
        goodput = calm["ok"] / calm["seconds"]
        flood = phase("ten times as many", "flood", seconds, devices, 1600)
        demand(flood["ok"] / flood["seconds"] > goodput / 2, "ten times as many: at least half of the goodput stays")
        half = phase("half-open", "half", max(15, seconds / 2), min(devices, half_open), half_open, honest=0.95)
        demand(half["closed"] > 0, "half-open: connections that stop are closed")
        phase("readers that do not read", "slow", max(15, seconds / 3), min(devices, 500), 500)
        burst = phase("reconnect storm", "storm", 4 * seconds, devices, 0)
        demand(burst["served"] == devices, f"reconnect storm: all {devices} devices are served")
        demand(max(memory) < 2048, f"memory stays below 2 GiB ({max(memory):.0f} MiB)")
        print("memory, MiB, each second: " + " ".join(f"{m:.0f}" for m in memory))
    finally:
        stop.set()
        server.terminate()
        server.wait(30)
    print("overload: " + ("everything holds" if not complaints else f"{len(complaints)} bounds fail"))
    sys.exit(1 if complaints else 0)


main()
