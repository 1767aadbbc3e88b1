import Foundation
import Testing
import Wire

@testable import Trust

/// The OCSP and PKCS#10 files of PyPI `cryptography-vectors`, several of them malformed on purpose.
@Suite(.enabled(if: Outside.vectors != nil)) struct `The vectors of PyCA` {
    private func files(_ folder: String) throws -> [(name: String, der: [UInt8])] {
        let base = try #require(Outside.vectors).appending(path: folder)
        return try FileManager.default.contentsOfDirectory(atPath: base.path).sorted().map { name in
            let bytes = try Array(Data(contentsOf: base.appending(path: name)))
            guard name.hasSuffix(".pem") else { return (name, bytes) }
            return (name, try #require(try PEM.decode(String(decoding: bytes, as: UTF8.self)).first?.der))
        }
    }

    @Test func `of OCSP requests are read or refused as they deserve`() throws {
        let refused: Set = ["req-duplicate-ext.der", "req-invalid-hash-alg.der", "req-invalid-version.der"]
        let requests = try files("ocsp").filter { $0.name.contains("req") }
        #expect(requests.count >= 10)
        for (name, der) in requests {
            #expect(((try? OCSP.parseRequest(der)) == nil) == refused.contains(name), "\(name)")
        }
    }

    @Test func `of OCSP responses are all refused under an issuer of ours`() throws {
        let root = try TrustBench.root(name: "Root").certificate
        let id = try OCSP.CertificateID(of: "01", issuer: root)
        let responses = try files("ocsp").filter { $0.name.contains("resp") && !$0.name.contains("req") }
        #expect(responses.count >= 17)
        for (name, der) in responses {
            #expect(throws: Refusal.self, "\(name)") {
                try OCSP.verify(der, for: id, issuer: root, nonce: nil, at: TrustBench.now)
            }
        }
    }

    @Test func `of certification requests are read or refused as they deserve`() throws {
        // The others have SHA-1, MD4, DSA, short keys, wrong signatures, CA TRUE, or are not DER.
        let accepted: Set = [
            "challenge.pem", "challenge-unstructured.pem", "ec_sha256.der", "ec_sha256.pem", "ec_sha256_old_header.pem",
            "rsa_sha256.der", "rsa_sha256.pem",
        ]
        let requests = try files("requests")
        #expect(requests.count >= 20)
        for (name, der) in requests {
            #expect(((try? VerifiedRequest(der: der)) != nil) == accepted.contains(name), "\(name)")
        }
    }
}

extension Outside {
    /// x509/ of cryptography-vectors, installed beside pkilint.
    static let vectors: URL? = {
        let library = pkilint.map { URL(filePath: $0).deletingLastPathComponent().appending(path: "lib") }
        let pythons = library.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) } ?? []
        for python in pythons {
            let path = "\(python)/site-packages/cryptography_vectors/x509"
            if let folder = library?.appending(path: path), FileManager.default.fileExists(atPath: folder.path) {
                return folder
            }
        }
        print("cryptography-vectors are not installed (pip install cryptography-vectors==50.0.2): they are not run")
        return nil
    }()
}
