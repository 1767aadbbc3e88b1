"""The reference implementation of TUF (PyPI: tuf) on both sides of the table.

take FOLDER             its client takes the states of a repository that we wrote, FOLDER/1, FOLDER/2, …, one after another
ask FOLDER BASE PATH…   its client asks a server of ours: the server itself, then mirrors of it that do what they must not
make FOLDER CLIENT      its writer makes a repository, and our client takes it, or does not

Prints a line a step; the tests read them.
"""
import functools, hashlib, http.server, os, pathlib, re, subprocess, sys, threading, urllib.error, urllib.request
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.api.metadata import (
    DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp,
)
from tuf.ngclient import Updater


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def translate_path(self, path):
        # Role names are encoded on the disk, too: a file called "%2F" is asked for as that.
        return self.directory + path if "/metadata/" in path else super().translate_path(path)


def serve(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def take(folder):
    base = serve(folder)
    home = pathlib.Path(folder, "client")
    pathlib.Path(home, "targets").mkdir(parents=True)
    bootstrap = pathlib.Path(folder, "root.json").read_bytes()
    for state in sorted(int(name) for name in os.listdir(folder) if name.isdigit()):
        path = pathlib.Path(folder, str(state), "wanted").read_text()
        try:
            updater = Updater(
                str(home), f"{base}/{state}/metadata/", str(home / "targets"), f"{base}/{state}/targets/",
                bootstrap=bootstrap if state == 1 else None)
            updater.refresh()
            info = updater.get_targetinfo(path)
            if info is None:
                print(f"{state} absent", flush=True)
                continue
            taken = pathlib.Path(updater.download_target(info)).read_bytes()
            root = Metadata[Root].from_file(str(home / "root.json")).signed.version
            print(f"{state} root {root} {taken.decode()}", flush=True)
        except (RepositoryError, DownloadError) as error:
            print(f"{state} refused {type(error).__name__}", flush=True)


class Mirror(http.server.BaseHTTPRequestHandler):
    """Fetches from the server and gives on what `change` makes of it."""
    base, change = "", staticmethod(lambda name, data: data)

    def log_message(self, *_):
        pass

    def do_GET(self):
        try:
            with urllib.request.urlopen(self.base + self.path, timeout=20) as answer:
                status, data = 200, self.change(self.path.rpartition("/")[2], answer.read())
        except urllib.error.HTTPError as error:
            status, data = error.code, error.read()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def mirror(base, change):
    handler = type("Changing", (Mirror,), {"base": base, "change": staticmethod(change)})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def ask(folder, base, *paths):
    bootstrap = pathlib.Path(folder, "root.json").read_bytes()
    old = pathlib.Path(folder, "old-timestamp.json")

    def look(step, base, home):
        home = pathlib.Path(folder, home)
        pathlib.Path(home, "targets").mkdir(parents=True, exist_ok=True)
        try:
            updater = Updater(
                str(home), f"{base}/tuf/metadata/", str(home / "targets"), f"{base}/nowhere/", bootstrap=bootstrap)
            updater.refresh()
            for path in paths:
                info = updater.get_targetinfo(path)
                print(step, path, "absent" if info is None else
                      f"{info.length} {info.hashes['sha256']} {info.custom['version']}", flush=True)
        except (RepositoryError, DownloadError) as error:
            print(step, "refused", type(error).__name__, flush=True)

    def changed(pattern, how):
        return mirror(base, lambda name, data: how(data) if re.fullmatch(pattern, name) else data)

    look("server", base, "client")
    if not old.exists():
        with urllib.request.urlopen(f"{base}/tuf/metadata/timestamp.json") as answer:
            old.write_bytes(answer.read())
        return
    look("faithful mirror", mirror(base, lambda name, data: data), "faithful")
    look("longer snapshot", changed(r"\d+\.snapshot\.json", lambda data: data + b" "), "snapshot")
    look("other release", changed(r"\d+\.product~.*~os\.json", lambda data: data.replace(b'"1.2"', b'"1.3"')), "layer")
    look("other timestamp", changed(r"timestamp\.json", lambda data: data.replace(b'"version":', b'"version":1')), "time")
    look("old timestamp", changed(r"timestamp\.json", lambda data: old.read_bytes()), "client")
    look("endless root", changed(r"2\.root\.json", lambda data: data * 1000), "root")
    # Downloads of artifacts are not for strangers.
    for name in ("tuf/targets/" + paths[0], "device/v1/artifacts/x", "tuf/metadata/..%2Fvkey", "tuf/metadata/1.timestamp.json"):
        try:
            urllib.request.urlopen(f"{base}/{name}")
            print("found", name, flush=True)
        except urllib.error.HTTPError as error:
            print(error.code, flush=True)


class Maker:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for name in ("metadata", "targets"):
            (self.folder / name).mkdir()
        self.end = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=9)
        self.signers = {
            Root.type: [CryptoSigner.generate_rsa(), CryptoSigner.generate_ed25519()],
            Timestamp.type: [CryptoSigner.generate_ed25519()],
            Snapshot.type: [CryptoSigner.generate_ecdsa()],
            Targets.type: [CryptoSigner.generate_rsa(), CryptoSigner.generate_ecdsa()],
        }
        root = Root(expires=self.end, consistent_snapshot=True)
        for role, signers in self.signers.items():
            for signer in signers:
                root.add_key(signer.public_key, role)
            root.roles[role].threshold = len(signers)
        root.unrecognized_fields["x-note"] = {"ü\n": ["\U0001f512", None, True, -3]}
        self.root = root
        self.targets = Targets(expires=self.end)
        self.snapshot = Snapshot(expires=self.end)
        self.timestamp = Timestamp(expires=self.end)
        self.delegated = {}

    def write(self, name, signed, role, versioned=True):
        data = Metadata(signed)
        for signer in self.signers[role]:
            data.sign(signer, append=True)
        raw = data.to_bytes()
        prefix = f"{signed.version}." if versioned else ""
        (self.folder / "metadata" / f"{prefix}{quote(name, '')}.json").write_bytes(raw)
        return MetaFile(signed.version, len(raw), {"sha256": hashlib.sha256(raw).hexdigest(),
                                                   "sha512": hashlib.sha512(raw).hexdigest()})

    def add(self, targets, path, data):
        info = TargetFile.from_data(path, data, ["sha512", "sha256"])
        targets.targets[path] = info
        folder, _, name = path.rpartition("/")
        place = self.folder / "targets" / folder
        place.mkdir(parents=True, exist_ok=True)
        for digest in info.hashes.values():
            (place / f"{digest}.{name}").write_bytes(data)

    def publish(self):
        for name, targets in self.delegated.items():
            self.snapshot.meta[f"{name}.json"] = self.write(name, targets, name)
        self.snapshot.meta["targets.json"] = self.write(Targets.type, self.targets, Targets.type)
        self.timestamp.snapshot_meta = self.write(Snapshot.type, self.snapshot, Snapshot.type)
        self.write(Timestamp.type, self.timestamp, Timestamp.type, versioned=False)
        for signed in [self.targets, self.snapshot, self.timestamp, *self.delegated.values()]:
            signed.version += 1


def make(folder, client):
    maker = Maker(folder)
    home = pathlib.Path(folder, "client")
    (home / "targets").mkdir(parents=True)
    base = serve(folder)

    def run(step, *arguments):
        command = [client, "--metadata-dir", str(home / "metadata"), "--metadata-url", f"{base}/metadata",
                   "--target-base-url", f"{base}/targets", "--target-dir", str(home / "targets"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        rule = done.stderr.partition("[TUF 1.0.34 §")[2].partition("]")[0]
        print(step, done.returncode, rule, flush=True)

    # A role with a name that is no path, keys of all three kinds, fields that nobody knows.
    odd = "../os/ü ?#"
    signer = CryptoSigner.generate_rsa()
    signer.public_key.unrecognized_fields["x-owner"] = "Ada"
    signer.public_key.keyid = hashlib.sha256(encode_canonical(signer.public_key.to_dict()).encode()).hexdigest()
    maker.signers[odd] = [signer]
    maker.delegated[odd] = Targets(expires=maker.end)
    maker.targets.delegations = Delegations(
        {signer.public_key.keyid: signer.public_key},
        {odd: DelegatedRole(odd, [signer.public_key.keyid], 1, True, paths=["os/*", "os/[0-9]*/?.bin"])})
    maker.add(maker.delegated[odd], "os/image ü.bin", b"image 1")
    maker.add(maker.delegated[odd], "os/7up/a.bin", b"image 2")
    maker.add(maker.targets, "top", b"top")
    maker.write(Root.type, maker.root, Root.type)
    maker.publish()
    run("init", "init", str(pathlib.Path(folder, "metadata", "1.root.json")))
    run("refresh", "refresh")
    run("download", "--target-name", "os/image ü.bin", "--target-name", "os/7up/a.bin", "--target-name", "top", "download")
    run("undelegated", "--target-name", "app/image", "download")

    # Thousand bins of one key that are described, not listed.
    bins = SuccinctRoles([], 1, 10, "bin")
    name = bins.get_role_for_target("app/image")
    maker.signers[name] = [CryptoSigner.generate_ed25519()]
    maker.delegated = {name: Targets(expires=maker.end)}
    maker.targets.delegations = Delegations({}, None, bins)
    maker.targets.add_key(maker.signers[name][0].public_key)
    maker.add(maker.delegated[name], "app/image", b"app 1")
    maker.publish()
    run("bins", "--target-name", "app/image", "download")

    # New keys for everything, signed by old and new.
    old = maker.signers[Root.type]
    for role in (Root.type, Timestamp.type, Snapshot.type):
        for signer in maker.signers[role]:
            maker.root.revoke_key(signer.public_key.keyid, role)
        maker.signers[role] = [CryptoSigner.generate_ed25519(), CryptoSigner.generate_ecdsa()]
        for signer in maker.signers[role]:
            maker.root.add_key(signer.public_key, role)
        maker.root.roles[role].threshold = 2
    maker.root.version += 1
    new = maker.signers[Root.type]
    maker.signers[Root.type] = old + new
    maker.write(Root.type, maker.root, Root.type)
    maker.signers[Root.type] = new
    # Recovered: versions begin anew under the new keys.
    maker.snapshot.version = maker.timestamp.version = 1
    maker.publish()
    run("rotated", "refresh")

    # Attacks.
    fine = {path: path.read_bytes() for path in (maker.folder / "metadata").iterdir()}
    maker.timestamp.expires = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=1)
    maker.timestamp.version = 9
    maker.write(Timestamp.type, maker.timestamp, Timestamp.type, versioned=False)
    run("frozen", "refresh")
    maker.timestamp.expires = maker.end
    maker.signers[Timestamp.type].pop()
    maker.write(Timestamp.type, maker.timestamp, Timestamp.type, versioned=False)
    run("half-signed", "refresh")
    for path, data in fine.items():
        path.write_bytes(data)
    for path in (maker.folder / "targets" / "app").iterdir():
        path.write_bytes(b"app 2")
    (home / "targets" / "app%2Fimage").unlink()
    run("tampered", "--target-name", "app/image", "download")
    for path in (maker.folder / "targets" / "app").iterdir():
        path.write_bytes(b"app 1" + b"\0" * 10_000_000)
    run("endless", "--target-name", "app/image", "download")
    print("left", sorted(os.listdir(home / "targets")), flush=True)


if __name__ == "__main__":
    {"take": take, "ask": ask, "make": make}[sys.argv[1]](*sys.argv[2:])
