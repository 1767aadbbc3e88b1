import Foundation
import Testing
import Wire

@testable import Trust

@Suite struct `The x509-limbo vectors` {
    /// The package root, found by walking up from this file.
    static let root: URL? = {
        var folder = URL(filePath: #filePath).deletingLastPathComponent()
        while folder.path != "/" {
            if FileManager.default.fileExists(atPath: folder.appending(path: "Package.swift").path) { return folder }
            folder.deleteLastPathComponent()
        }
        return nil
    }()

    static let file: URL? = {
        guard let url = root?.appending(path: "../shared/vectors/x509-limbo/limbo.json").standardizedFileURL,
            FileManager.default.fileExists(atPath: url.path)
        else {
            print("x509-limbo: ../shared/vectors/x509-limbo/limbo.json is absent, its cases are not run")
            return nil
        }
        return url
    }()

    struct Suite: Decodable { let testcases: [Case] }
    struct Case: Decodable {
        struct Name: Decodable { let kind: String, value: String }
        let id: String
        let features: [String]
        let validationKind: String
        let trustedCerts: [String]
        let untrustedIntermediates: [String]
        let peerCertificate: String
        let validationTime: String?
        let expectedResult: String
        let expectedPeerName: Name?
        let maxChainDepth: Int?
        let crls: [String]
    }

    /// What this project publishes in docs/x509-limbo.md and may not fall below.
    static let published = (run: 176, agree: 176)

    @Test(.enabled(if: file != nil)) func `agree with the chain verifier`() throws {
        let url = try #require(Self.file)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let suite = try decoder.decode(Suite.self, from: Data(contentsOf: url))
        var run = 0
        var skipped = 0
        var different: [String] = []
        for test in suite.testcases {
            let outcome = Result { try Self.outcome(test) }
            let accepted = (try? outcome.get()) != nil
            let agrees = accepted == (test.expectedResult == "SUCCESS")
            if LimboSkips.reason(id: test.id, features: test.features) != nil {
                skipped += 1
                if ProcessInfo.processInfo.environment["LIMBO_VERBOSE"] != nil {
                    print("skipped \(test.id): \(agrees ? "agrees" : "differs") \(outcome)")
                }
                continue
            }
            run += 1
            if ProcessInfo.processInfo.environment["LIMBO_VERBOSE"] != nil { print("\(test.id): \(outcome)") }
            if !agrees { different.append("\(test.id): expected \(test.expectedResult), got \(outcome)") }
        }
        print("x509-limbo: \(run) run, \(run - different.count) agree, \(skipped) skipped")
        for line in different { print("x509-limbo differs: \(line)") }
        #expect(run >= Self.published.run)
        #expect(run - different.count >= Self.published.agree)
    }

    /// Returns where the case is accepted.
    static func outcome(_ test: Case) throws {
        let der = { (text: String) in try PEM.decode(text).map(\.der) }
        let verifier = try ChainVerifier(
            anchors: try test.trustedCerts.flatMap(der), intermediates: [],
            maximumDepth: test.maxChainDepth.map { min($0, 16) } ?? 8)
        let at =
            try test.validationTime.map { text in
                try #require(Timestamp(text.replacing("+00:00", with: "Z")))
            } ?? Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        let purpose: ChainVerifier.Purpose =
            test.validationKind == "CLIENT" ? .client : test.expectedPeerName.map { .server($0.value) } ?? .any
        let verified = try verifier.verify(
            leaf: try #require(try der(test.peerCertificate).first),
            extraIntermediates: try test.untrustedIntermediates.flatMap(der), at: at, purpose: purpose
        ).get()
        for crl in try test.crls.flatMap(der) { try check(crl, verified, at) }
    }

    static func check(_ crl: [UInt8], _ verified: VerifiedCertificate, _ at: Timestamp) throws {
        do {
            let list = try CertificateRevocationList(der: crl, issuer: verified.chain[0], at: at)
            if let entry = list.entry(for: verified.reference.serial) {
                throw Refusal(.gone, "Revoked at \(entry.at).", hint: "Renew.", rule: "RFC 5280 §6.3")
            }
        } catch let refusal as Refusal where refusal.rule == "RFC 5280 §6.3.3 (b)" {
            // Another issuer's list says nothing about this certificate.
        }
    }
}
