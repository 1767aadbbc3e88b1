import Keys
import NIOCore
import NIOHTTP1
import Passport
import Registry
import Store
import Synchronization
import Trust
import Wire

/// OCSP over HTTP (RFC 6960, RFC 5019): an answer is signed once and given again, as long as it is young and still true.
final class StatusAnswers: Sendable {
    /// An answer is valid so long, in seconds; short, because revocation is to be heard of. Signed anew at half of it.
    private static let validitySeconds: Int64 = 3600
    /// What a cache between may keep it for, in seconds.
    private static let cacheSeconds = 60
    /// At most so many answers are kept, of requests of at most so many bytes: about 1.5 KiB each.
    static let limit = 32_768
    private static let longestKey = 512
    /// Answers with a nonce that are signed at once. Each costs a signature, and anybody may ask: more of them get the answer
    /// without a nonce, as a responder may give it (RFC 9654 §2.1, RFC 5019 §4).
    private static let noncesAtOnce = 16

    /// A signed answer and what it rests on.
    private struct Prepared: Sendable {
        let der: [UInt8]
        let madeAt: Timestamp
        /// The certificates that it calls good. What it calls revoked stays revoked.
        let good: [(serial: String, device: DeviceID?)]
        let fields: [(name: String, value: String)]
        let tag: EntityTag
    }
    private struct State {
        var responders: [String: OCSP.Responder] = [:]
        var young: [[UInt8]: Prepared] = [:]
        var old: [[UInt8]: Prepared] = [:]
    }
    private let state = Locked(State())
    private let house: House
    private let nonces = Atomic<Int>(0)

    init(_ house: House) { self.house = house }

    /// Their certificates live a month, because nobody asks whether one is revoked (RFC 6960 §4.2.2.2.1).
    func renewResponders() async throws {
        var responders: [String: OCSP.Responder] = [:]
        // Of those that were succeeded, too, for as long as their keys are here: their certificates are still asked about.
        for authority in house.authorities.allIssuing where authority.keyLabel != nil {
            responders[authority.name] = try await ServiceCertificates.responder(of: authority.name, house)
        }
        let renewed = responders
        state.withLock { state in
            state.responders = renewed
            state.young = [:]
            state.old = [:]
        }
    }

    /// POST {url} with the request as its body.
    func byBody(_ request: PlaneRequest) throws -> PlaneOutcome {
        let name = request.parameters.first.map { String($0) } ?? ""
        return answer(to: Array(request.body.readableBytesView), by: name, path: nil, request)
    }

    /// GET {url}/{url-encoding of base64 of DER} (RFC 6960 §A.1).
    func byPath(_ request: PlaneRequest) throws -> PlaneOutcome {
        let key = Array(request.path.utf8)
        if let answer = ready(key, request) { return .now(answer) }
        let name = request.parameters.first.map { String($0) } ?? ""
        guard let text = request.parameters.last, text.utf8.count <= 4096, let plain = PercentEncoding.decode(text),
            let der = Base64.decode(plain)
        else { return .now(Self.plain(OCSP.failure(.malformedRequest))) }
        return answer(to: der, by: name, path: key, request)
    }

    /// What is asked, however the request around it is written: strangers may write it in many ways.
    private static func key(_ name: String, _ asked: OCSP.Request) -> [UInt8] {
        asked.certificates.reduce(into: Array(name.utf8)) { key, id in
            key.append(0)
            key.append(contentsOf: id.der)
        }
    }

    /// - Parameter path: the whole path of a GET; its answer is found by that the next time.
    private func answer(to der: [UInt8], by name: String, path: [UInt8]?, _ request: PlaneRequest) -> PlaneOutcome {
        guard let responder = state.withLock({ $0.responders[name] }),
            let authority = try? house.authorities.signing(name)
        else { return .now(Self.plain(OCSP.failure(.unauthorized))) }
        guard let asked = try? OCSP.parseRequest(der) else { return .now(Self.plain(OCSP.failure(.malformedRequest))) }
        let key = Self.key(name, asked)
        if asked.nonce == nil, let answer = ready(key, request) { return .now(answer) }
        return .later { [self] in
            let isAlone = asked.nonce != nil && nonces.add(1, ordering: .relaxed).newValue <= Self.noncesAtOnce
            defer { if asked.nonce != nil { nonces.subtract(1, ordering: .relaxed) } }
            let nonce = isAlone ? asked.nonce : nil
            guard let prepared = try await prepare(asked, by: name, authority, responder, key, nonce) else {
                return Self.plain(OCSP.failure(.unauthorized))
            }
            if nonce == nil, let path, path.count <= Self.longestKey { keep(prepared, as: path) }
            return Self.answer(prepared, request)
        }
    }

    /// From memory, if it is there, young, and still true by the passports in memory.
    private func ready(_ key: [UInt8], _ request: PlaneRequest) -> PlaneAnswer? {
        guard let prepared = find(key), house.clock().seconds(since: prepared.madeAt) < Self.validitySeconds / 2,
            prepared.good.allSatisfy({ good in
                good.device.flatMap { house.passports.known($0) }?.certificates.contains { $0.serial == good.serial }
                    ?? false
            })
        else { return nil }
        return Self.answer(prepared, request)
    }

    private func prepare(
        _ asked: OCSP.Request, by name: String, _ authority: Authority, _ responder: OCSP.Responder, _ key: [UInt8],
        _ nonce: [UInt8]?
    ) async throws -> Prepared? {
        let mark = house.passports.mark
        let now = try house.time()
        let found = try await house.read { rows in
            try asked.certificates.map { id -> (id: OCSP.CertificateID, status: OCSP.Status, device: Device?)? in
                guard id.isIssued(by: authority), let found = try Revocation.status(of: id.serial, by: name, in: rows)
                else { return nil }
                return (id, found.status, try found.device.flatMap { try Device.find($0.text, in: rows) })
            }
        }
        // Never "good" for what was never issued; and nothing about other people's certificates (RFC 5019 §2.2.3).
        let known = found.compactMap { $0 }
        guard known.count == found.count else { return nil }
        for device in known.compactMap(\.device) { house.passports.remember(device.passport, readSince: mark) }
        let good = known.filter { $0.status == .good }.map { (serial: $0.id.serial, device: $0.device?.id) }
        if nonce == nil, let before = find(key), now.seconds(since: before.madeAt) < Self.validitySeconds / 2,
            before.good.elementsEqual(good, by: { $0.serial == $1.serial })
        {
            return before
        }
        let until = now.adding(seconds: Self.validitySeconds)
        let der = try await house.keys.apart {
            try OCSP.response(
                known.map { ($0.id, $0.status) }, by: responder, producedAt: now, thisUpdate: now, nextUpdate: until,
                nonce: nonce)
        }
        let tag = EntityTag(of: der)
        let prepared = Prepared(der: der, madeAt: now, good: good, fields: Self.fields(now, until, tag), tag: tag)
        // An answer with a nonce is one client's alone.
        if nonce == nil, key.count <= Self.longestKey { keep(prepared, as: key) }
        return prepared
    }

    private func find(_ key: [UInt8]) -> Prepared? {
        state.withLock { state in
            if let found = state.young[key] { return found }
            guard let found = state.old[key] else { return nil }
            Self.put(found, key, in: &state)
            return found
        }
    }

    private func keep(_ prepared: Prepared, as key: [UInt8]) {
        state.withLock { Self.put(prepared, key, in: &$0) }
    }

    private static func put(_ prepared: Prepared, _ key: [UInt8], in state: inout State) {
        if state.young.count >= limit / 2 {
            state.old = state.young
            state.young = [:]
        }
        state.young[key] = prepared
    }

    /// RFC 5019 §6.2; the age that a cache may give it is much shorter than its validity, so that a revocation is heard of.
    private static func fields(
        _ now: Timestamp, _ until: Timestamp, _ tag: EntityTag
    ) -> [(name: String, value: String)] {
        [
            ("Cache-Control", "max-age=\(cacheSeconds), public, no-transform, must-revalidate"), ("ETag", tag.text),
            ("Last-Modified", String(decoding: HTTPDate.format(now), as: UTF8.self)),
            ("Expires", String(decoding: HTTPDate.format(until), as: UTF8.self)),
        ]
    }

    private static func answer(_ prepared: Prepared, _ request: PlaneRequest) -> PlaneAnswer {
        guard request.method != .POST else { return plain(prepared.der) }
        var answer =
            prepared.tag.isHeld(by: request.headers) ? PlaneAnswer([], type: nil, status: 304) : plain(prepared.der)
        answer.fields = prepared.fields
        return answer
    }

    private static func plain(_ der: [UInt8]) -> PlaneAnswer { PlaneAnswer(der, type: "application/ocsp-response") }
}

/// Percent-encoding in a path (RFC 3986 §2.1).
package enum PercentEncoding {
    /// Nil if a `%` is not followed by two hexadecimal digits, or the result is not UTF-8.
    package static func decode(_ text: Substring) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next(), let low = rest.next(),
                let decoded = Hex.decode(String(decoding: [high, low], as: UTF8.self))
            else { return nil }
            bytes += decoded
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
