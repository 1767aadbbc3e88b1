/// The configuration file that the first start writes.
enum ConfigurationTemplate {
    static func text(_ c: ServerConfiguration) -> String {
        """
        # Settings of Lifelong. Written at the first start; edit and start again. Every setting may be left out.

        # Name of the maker, as it stands in certificates. Fixed once certificates exist.
        organisation: "\(c.organisation)"

        listen:
          # Devices: TLS with a client certificate; EST, the device API.
          device: "\(c.listen.device)"
          # People: console, REST API, command line. Plain HTTP on loopback only; HTTPS on any other address.
          people: "\(c.listen.people)"
          # Anybody: CRLs, OCSP, the ledger. Plain HTTP: everything there proves itself.
          public: "\(c.listen.public)"

        # How devices reach this server; each gets it at birth. The name must be among serviceNames.
        serviceURL: "\(c.serviceURL)"
        # How anybody reaches the public plane; it stands in certificates (CRL, OCSP).
        publicURL: "\(c.publicURL)"
        # DNS names and addresses in the server's certificate.
        serviceNames: [\(c.serviceNames.map { "\"\($0)\"" }.joined(separator: ", "))]

        # Life of an operational certificate in days. Devices renew after two thirds of it.
        operationalDays: \(c.operationalDays)
        # The same in seconds, for demonstrations and tests; 0 means that operationalDays holds.
        operationalSeconds: \(c.operationalSeconds)
        # Seconds between two check-ins of a device.
        checkInSeconds: \(c.checkInSeconds)

        # The ledger's name: first line of its checkpoints. Fixed for the ledger's whole life.
        ledgerOrigin: "\(c.ledgerOrigin)"

        # Witnesses that cosign its checkpoints (docs/witness.md), and how many of them make a checkpoint "witnessed"; 0 means
        # more than half. Each is {url: "https://witness.example", vkey: "witness.example/w1+…"}.
        witnesses: [\(c.witnesses.map { "{url: \"\($0.url)\", vkey: \"\($0.vkey)\"}" }.joined(separator: ", "))]
        witnessQuorum: \(c.witnessQuorum)

        # Connections that devices may hold at once, and seconds after which a silent one is closed.
        maximumConnections: \(c.maximumConnections)
        idleSeconds: \(c.idleSeconds)

        est:
          # Layout of base64 bodies per EST label (/.well-known/est/<label>/…): "lines" of 64 (OpenSSL-like clients; the
          # default for no label) or "oneLine" (strongSwan's pki).
          labels:
        \(c.est.labels.sorted { $0.key < $1.key }.map { "    \($0.key): \($0.value)" }.joined(separator: "\n"))

        """
    }
}
