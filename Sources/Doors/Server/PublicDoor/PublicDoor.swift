import Ledger
import NIOCore
import Registry
import Store
import Trust
import Wire

/// The public plane: self-authenticating objects only, over plain HTTP, for anybody: CRLs, OCSP, CA certificates, the
/// ledger's checkpoint, tiles and entries, update metadata.
package struct PublicDoor: Sendable {
    private let house: House
    private let key: VerifierKey
    private let statuses: StatusAnswers
    private let health: Health
    /// The newest list of each authority, in memory once, however many are reading it.
    private let lists = Locked<[String: (number: Int, der: [UInt8])]>([:])

    package init(house: House, key: VerifierKey, health: Health = Health()) async throws {
        self.house = house
        self.key = key
        statuses = StatusAnswers(house)
        self.health = health
        try await renewResponders()
    }

    package func renewResponders() async throws { try await statuses.renewResponders() }

    package func routes() -> PlaneRoutes {
        var routes = PlaneRoutes()
        routes.get("/crl/*") { try revocationList($0) }
        routes.get("/ca/*") { .now(try certificate($0)) }
        routes.post("/ocsp/*", limit: 16 << 10) { try statuses.byBody($0) }
        routes.get("/ocsp/*/**") { try statuses.byPath($0) }
        routes.get("/ledger/checkpoint") { _ in checkpoint() }
        routes.get("/ledger/vkey") { _ in
            .now(PlaneAnswer(Array("\(key)\n".utf8), type: "text/plain; charset=utf-8"))
        }
        routes.get("/ledger/tile/**") { try tile($0, below: "/ledger/") }
        routes.get("/ledger/witnessed/checkpoint") { _ in witnessedCheckpoint() }
        routes.get("/ledger/witnessed/tile/**") { try tile($0, below: "/ledger/witnessed/") }
        routes.get("/tuf/metadata/*") { UpdateAnswers(house).answer($0) }
        routes.get("/healthz") { _ in wellness() }
        return routes
    }

    /// "ok", or 503 with the reason: the database cannot be read, its files are damaged, or the clock is not believed.
    private func wellness() -> PlaneOutcome {
        .later {
            try await Self.demandWellness(of: house, health)
            return PlaneAnswer(Array("ok\n".utf8), type: "text/plain")
        }
    }

    /// What `/healthz` of this plane and `/readyz` of the people's ask.
    static func demandWellness(of house: House, _ health: Health) async throws {
        if let damage = health.findings.first {
            throw Refusal(
                .unavailable, "The database is damaged: \(damage)",
                hint: "Stop the server, run `lifelong audit`, and restore from a backup.")
        }
        _ = try house.time()
        _ = try await house.read { rows in try rows.first("SELECT size FROM ledger_size WHERE one = 1") }
    }

    private func revocationList(_ request: PlaneRequest) throws -> PlaneOutcome {
        let name = try Self.name(request, suffix: ".crl")
        return .later {
            guard let der = try await newest(name) else {
                throw Refusal(
                    .notFound, "There is no revocation list of \"\(name)\".",
                    hint: "Use the address in the certificate."
                )
            }
            var answer = PlaneAnswer(der, type: "application/pkix-crl")
            answer.isShared = true
            answer.fields = [("Cache-Control", "public, max-age=60")]
            return answer
        }
    }

    /// The list as it stands in the database, read from there once for each of its numbers.
    private func newest(_ name: String) async throws -> [UInt8]? {
        let held = lists.withLock { $0[name] }
        let read = try await house.read { rows -> (number: Int, der: [UInt8])? in
            let row = try rows.first("SELECT number FROM crl WHERE authority = $1", [.text(name)])
            guard let number = try row?.int("number") else { return nil }
            if let held, held.number == number { return held }
            return try rows.first("SELECT number, der FROM crl WHERE authority = $1", [.text(name)])
                .map { (try $0.int("number"), try $0.bytes("der")) }
        }
        lists.withLock { lists in
            if let known = lists[name], let read, known.number > read.number { return }
            lists[name] = read
        }
        return read?.der
    }

    private func certificate(_ request: PlaneRequest) throws -> PlaneAnswer {
        let name = try Self.name(request, suffix: ".cer")
        guard let known = house.authorities.known(name) else {
            throw Refusal(.notFound, "There is no authority \"\(name)\".", hint: "Use the address in the certificate.")
        }
        return PlaneAnswer(known.certificate, type: "application/pkix-cert")
    }

    private func checkpoint() -> PlaneOutcome {
        .later {
            Self.checkpoint(try await house.read { try LedgerReader.checkpoint(in: $0).note })
        }
    }

    /// The same log, one step behind: its checkpoint always has a quorum of cosignatures.
    private func witnessedCheckpoint() -> PlaneOutcome {
        .later {
            let quorum = house.settings.neededCosignatures
            guard
                let found = try await house.read({
                    try LedgerReader.witnessed(quorum: quorum, by: house.settings.witnesses, in: $0)
                })
            else {
                throw Refusal(
                    .notFound,
                    quorum == 0 ? "This ledger has no witnesses." : "No checkpoint has \(quorum) cosignatures yet.",
                    hint: quorum == 0
                        ? "Read /ledger/checkpoint; nobody but the log vouches for it."
                        : "Try again in a minute; if it stays so, ask the operator.")
            }
            return Self.checkpoint(found.note)
        }
    }

    private static func checkpoint(_ note: String) -> PlaneAnswer {
        var answer = PlaneAnswer(Array(note.utf8), type: "text/plain; charset=utf-8")
        answer.fields = [("Cache-Control", "no-cache")]
        return answer
    }

    private func tile(_ request: PlaneRequest, below prefix: String) throws -> PlaneOutcome {
        let path = String(request.path.dropFirst(prefix.count))
        guard path.utf8.count <= 256, let tile = TilePath(path) else {
            throw Refusal(
                .notFound, "That is not the path of a tile.", hint: "Use tile/<level>/<index>[.p/<width>].",
                rule: "C2SP tlog-tiles")
        }
        return .later {
            let bytes = try await house.read { try LedgerReader.resource(tile, in: $0) }
            var answer = PlaneAnswer(bytes, type: "application/octet-stream")
            answer.fields = [("Cache-Control", "public, max-age=31536000, immutable")]
            return answer
        }
    }

    private static func name(_ request: PlaneRequest, suffix: String) throws(Refusal) -> String {
        let name = request.parameters.first ?? ""
        guard name.hasSuffix(suffix), name.utf8.count <= 128 else {
            throw Refusal(.notFound, "There is nothing at this path.", hint: "Use the address in the certificate.")
        }
        return String(name.dropLast(suffix.count))
    }
}
