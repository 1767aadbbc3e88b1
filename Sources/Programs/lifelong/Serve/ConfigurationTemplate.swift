/// The configuration file that the first start writes.
enum ConfigurationTemplate {
    static func text(_ c: ServerConfiguration) -> String { house(c) + limits(c) + keys(c) }

    private static func house(_ c: ServerConfiguration) -> String {
        """
        # Settings of Lifelong. Written at the first start; edit and start again. Every setting may be left out.

        # Name of the maker, as it stands in certificates. Fixed once certificates exist.
        organisation: "\(c.organisation)"

        # Where everything is kept: "sqlite" (a file in this home), or a PostgreSQL that several servers share, such as
        # "postgresql://lifelong@db1,db2/lifelong". No password here: put it into a file that PGPASSFILE names.
        database: "\(c.database)"
        # Folder of releases' artifacts; empty: in this home. Servers that share a database share this folder too.
        artifacts: "\(c.artifacts)"

        listen:
          # Devices: TLS with a client certificate; EST, the device API.
          device: "\(c.listen.device)"
          # People: console, REST API, command line. Plain HTTP on loopback only; HTTPS on any other address.
          people: "\(c.listen.people)"
          # Anybody: CRLs, OCSP, the ledger. Plain HTTP: everything there proves itself.
          public: "\(c.listen.public)"

        # How devices reach this server; each gets it at birth.
        serviceURL: "\(c.serviceURL)"
        # How anybody reaches the public plane; it stands in certificates (CRL, OCSP).
        publicURL: "\(c.publicURL)"
        # How people reach the console behind a proxy that speaks TLS, such as "https://people.example"; from nowhere else then.
        peopleURL: "\(c.peopleURL)"
        # DNS names and addresses in the server's certificate.
        serviceNames: [\(c.serviceNames.map { "\"\($0)\"" }.joined(separator: ", "))]

        # Life of an operational certificate in days; devices renew after two thirds. The same in seconds, for tests; 0: days hold.
        operationalDays: \(c.operationalDays)
        operationalSeconds: \(c.operationalSeconds)
        # Seconds between two check-ins of a device; whether a stock client's update waits for somebody at the device to confirm it.
        checkInSeconds: \(c.checkInSeconds)
        confirmUpdates: \(c.confirmUpdates)

        # The ledger's name: first line of its checkpoints. Fixed for the ledger's whole life.
        ledgerOrigin: "\(c.ledgerOrigin)"

        # Witnesses of the ledger, {url: "https://…", vkey: "…"} each, and how many make a quorum, 0: most (docs/witness.md).
        witnesses: [\(c.witnesses.map { "{url: \"\($0.url)\", vkey: \"\($0.vkey)\"}" }.joined(separator: ", "))]
        witnessQuorum: \(c.witnessQuorum)

        # Who is asked before a stage of a rollout opens, where its plan says so; empty: nobody (docs/rollouts.md).
        outsideCheck: {url: "\(c.outsideCheck.url)", keyFile: "\(c.outsideCheck.keyFile)"}


        """
    }

    private static func limits(_ c: ServerConfiguration) -> String {
        """
        # Connections that devices may hold at once, and seconds after which a silent one is closed.
        maximumConnections: \(c.maximumConnections)
        idleSeconds: \(c.idleSeconds)
        # TLS handshakes under way at once (more wait), and requests that wait for the database or a key (more get 503).
        maximumHandshakes: \(c.maximumHandshakes)
        maximumRequests: \(c.maximumRequests)
        # Requests a second of one device for ever, and a minute's worth of them at once; beyond, 429. 0: without limit.
        requestsPerDeviceSecond: \(c.requestsPerDeviceSecond)


        """
    }

    private static func keys(_ c: ServerConfiguration) -> String {
        """
        keys:
          # Where private keys live: "files" (in keys/, the development default) or "pkcs11" (in a token).
          kind: \(c.keys.kind.rawValue)
          # For pkcs11, a token by label, serial or slot; keys move to it from the one in former: {…} (docs/operating.md).
          # module: /usr/lib/softhsm/libsofthsm2.so
          # token: lifelong
          # pin:
          #   file: /etc/lifelong/pin

        est:
          # Layout of base64 bodies per EST label (/.well-known/est/<label>/…): "lines" of 64 (OpenSSL-like clients; the
          # default for no label) or "oneLine" (strongSwan's pki).
          labels:
        \(c.est.labels.sorted { $0.key < $1.key }.map { "    \($0.key): \($0.value)" }.joined(separator: "\n"))

        """
    }
}
