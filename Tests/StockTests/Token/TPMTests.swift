import Foundation
import Keys
import KeysPKCS11
import Station
import Testing
import Trust
import Wire
import Workbench

@Suite(.enabled(if: TPMBench.isInstalled()), .serialized) struct `A TPM` {
    @Test func `keeps the keys of a station, and says what it cannot do`() async throws {
        let bench = try await TPMBench()
        let keys = try TokenKeyStore(bench.settings)
        let message = Array("signed in a TPM".utf8)
        for algorithm in [KeyAlgorithm.p256, .p384] {
            let label = KeyLabel(trusted: "tpm-\(algorithm.rawValue)")
            let key = try keys.make(label, algorithm: algorithm)
            #expect(
                PublicKeys.verify(signature: try key.signature(over: message), over: message, spki: key.publicKeyDER))
            #expect { try keys.make(label, algorithm: algorithm) } throws: { ($0 as? Refusal)?.code == .conflict }
            #expect(try TokenKeyStore(bench.settings).find(label)?.publicKeyDER == key.publicKeyDER)
        }
        // No Ed25519 in TPM 2.0, and no secret keys made through PKCS#11: told, with what to do.
        #expect { try keys.make(KeyLabel(trusted: "ledger-1"), algorithm: .ed25519) } throws: {
            ($0 as? Refusal)?.code == .unsupported
        }
        let wrapping = KeyLabel(trusted: "tenure-wrapping")
        #expect { try keys.makeWrapping(wrapping) } throws: {
            ($0 as? Refusal)?.code == .unsupported && ($0 as? Refusal)?.hint.contains("tenure-wrapping.mac") == true
        }
        // A station's two keys, and its certificate request, from the TPM.
        let request = try InitializeStation(home: StationHome(bench.folder + "/line-1"), name: "line-1", makerKey: nil)
            .perform(keys: keys)
        #expect(request.name == "line-1")
        #expect(try keys.labels().count == 4)
        try keys.destroy(KeyLabel(trusted: "tpm-p384"))
        #expect(try keys.find(KeyLabel(trusted: "tpm-p384")) == nil)
    }
}
