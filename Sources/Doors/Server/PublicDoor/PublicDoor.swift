import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import Logging
import NIOConcurrencyHelpers
import Registry
import Store
import Trust
import Wire

/// The public plane: self-authenticating objects only, over plain HTTP, for anybody: CRLs, OCSP, CA certificates, the
/// ledger's checkpoint, tiles and entries.
package struct PublicDoor: Sendable {
    private let house: House
    private let key: VerifierKey
    private let responders = NIOLockedValueBox<[String: OCSP.Responder]>([:])

    package init(house: House, key: VerifierKey) async throws {
        self.house = house
        self.key = key
        try await renewResponders()
    }

    /// Their certificates live a month, because nobody asks whether one is revoked (RFC 6960 §4.2.2.2.1).
    package func renewResponders() async throws {
        let name = Authorities.Name.issuing
        let responder = try await ServiceCertificates.responder(of: name, house)
        responders.withLockedValue { $0[name] = responder }
    }

    package func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self, options: [.autoGenerateHeadEndpoints])
        router.add(middleware: RefusalMiddleware(log: house.log))
        router.get("/crl/:name") { _, context in try await revocationList(context) }
        router.get("/ca/:name") { _, context in try certificate(context) }
        router.post("/ocsp/:name") { request, context in try await status(request, context) }
        router.get("/ocsp/:name/**") { request, context in try await statusByPath(request, context) }
        router.get("/ledger/checkpoint") { _, _ in try await checkpoint() }
        router.get("/ledger/vkey") { _, _ in Answers.bytes(Array("\(key)\n".utf8), type: "text/plain; charset=utf-8") }
        router.get("/ledger/tile/**") { request, _ in try await tile(request, below: "/ledger/") }
        // The same log, one step behind: its checkpoint always has a quorum of cosignatures.
        router.get("/ledger/witnessed/checkpoint") { _, _ in try await witnessedCheckpoint() }
        router.get("/ledger/witnessed/tile/**") { request, _ in try await tile(request, below: "/ledger/witnessed/") }
        router.get("/healthz") { _, _ in Answers.bytes(Array("ok\n".utf8), type: "text/plain") }
        return router
    }

    private func revocationList(_ context: BasicRequestContext) async throws -> Response {
        let name = try Self.name(context, suffix: ".crl")
        let row = try await house.read { rows in
            try rows.first("SELECT der, next_update FROM crl WHERE authority = $1", [.text(name)])
        }
        guard let row else {
            throw Refusal(
                .notFound, "There is no revocation list of \"\(name)\".", hint: "Use the address in the certificate.")
        }
        var response = Answers.bytes(try row.bytes("der"), type: "application/pkix-crl")
        response.headers[.cacheControl] = "public, max-age=60"
        return response
    }

    private func certificate(_ context: BasicRequestContext) throws -> Response {
        let name = try Self.name(context, suffix: ".cer")
        guard let known = house.authorities.known(name) else {
            throw Refusal(.notFound, "There is no authority \"\(name)\".", hint: "Use the address in the certificate.")
        }
        return Answers.bytes(known.certificate, type: "application/pkix-cert")
    }

    private func status(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let name = try Self.name(context, suffix: "")
        return try await status(try await Bodies.collect(request, limit: 16 << 10), by: name)
    }

    /// GET {url}/{url-encoding of base64 of DER} (RFC 6960 §A.1).
    private func statusByPath(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let name = try Self.name(context, suffix: "")
        let rest = request.uri.path.dropFirst("/ocsp/\(name)/".count)
        guard rest.utf8.count <= 4096, let text = String(rest).removingPercentEncoding, let der = Base64.decode(text)
        else {
            return Self.ocsp(OCSP.failure(.malformedRequest))
        }
        var response = try await status(der, by: name)
        response.headers[.cacheControl] = "public, max-age=60"
        return response
    }

    /// An OCSP answer is valid so long, in seconds; short, because revocation is to be heard of.
    private static let validitySeconds: Int64 = 3600

    private func status(_ der: [UInt8], by name: String) async throws -> Response {
        guard let responder = responders.withLockedValue({ $0[name] }),
            let authority = try? house.authorities.signing(name)
        else {
            return Self.ocsp(OCSP.failure(.unauthorized))
        }
        let request: OCSP.Request
        do { request = try OCSP.parseRequest(der) } catch { return Self.ocsp(OCSP.failure(.malformedRequest)) }
        let now = house.clock()
        let statuses = try await house.read { rows in
            try request.certificates.map { id -> (id: OCSP.CertificateID, status: OCSP.Status)? in
                guard id.isIssued(by: authority) else { return nil }
                return try Revocation.status(of: id.serial, by: name, in: rows).map { (id, $0) }
            }
        }
        // Never "good" for what was never issued; and nothing about other people's certificates (RFC 5019 §2.2.3).
        let known = statuses.compactMap { $0 }
        guard known.count == statuses.count else { return Self.ocsp(OCSP.failure(.unauthorized)) }
        let response = try OCSP.response(
            known, by: responder, producedAt: now, thisUpdate: now,
            nextUpdate: now.adding(seconds: Self.validitySeconds), nonce: request.nonce)
        return Self.ocsp(response)
    }

    private static func ocsp(_ der: [UInt8]) -> Response { Answers.bytes(der, type: "application/ocsp-response") }

    private func checkpoint() async throws -> Response {
        Self.checkpoint(try await house.read { try LedgerReader.checkpoint(in: $0).note })
    }

    private func witnessedCheckpoint() async throws -> Response {
        let quorum = house.settings.neededCosignatures
        guard let found = try await house.read({ try LedgerReader.witnessed(quorum: quorum, in: $0) }) else {
            throw Refusal(
                .notFound,
                quorum == 0 ? "This ledger has no witnesses." : "No checkpoint has \(quorum) cosignatures yet.",
                hint: quorum == 0
                    ? "Read /ledger/checkpoint; nobody but the log vouches for it."
                    : "Try again in a minute; if it stays so, ask the operator.")
        }
        return Self.checkpoint(found.note)
    }

    private static func checkpoint(_ note: String) -> Response {
        var response = Answers.bytes(Array(note.utf8), type: "text/plain; charset=utf-8")
        response.headers[.cacheControl] = "no-cache"
        return response
    }

    private func tile(_ request: Request, below prefix: String) async throws -> Response {
        let path = String(request.uri.path.dropFirst(prefix.count))
        guard path.utf8.count <= 256, let tile = TilePath(path) else {
            throw Refusal(
                .notFound, "That is not the path of a tile.", hint: "Use tile/<level>/<index>[.p/<width>].",
                rule: "C2SP tlog-tiles")
        }
        let bytes = try await house.read { try LedgerReader.resource(tile, in: $0) }
        var response = Answers.bytes(bytes, type: "application/octet-stream")
        response.headers[.cacheControl] = "public, max-age=31536000, immutable"
        return response
    }

    private static func name(_ context: BasicRequestContext, suffix: String) throws(Refusal) -> String {
        let name = context.parameters.get("name") ?? ""
        guard name.hasSuffix(suffix), name.utf8.count <= 128 else {
            throw Refusal(.notFound, "There is nothing at this path.", hint: "Use the address in the certificate.")
        }
        return String(name.dropLast(suffix.count))
    }
}
