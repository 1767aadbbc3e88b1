import Pairing
import Passport
import Registry
import Store
import Testing
import Wire
import Workbench

@Suite struct `What people do` {
    @Test func `leaves an entry in the ledger, and nothing personal`() async throws {
        let bench = try await HouseBench()
        let house = bench.house
        let admin = try await bench.person("Maria Adminova", .makerAdmin)
        let unit = try await bench.makeUnits(1)[0]
        let owner = try await house.perform(AddOwner(owner: "Harbour Hotels", kind: .organisation), as: admin).owner
        _ = try await house.perform(AddPerson(person: "Ada Lovelace", role: .owner, owner: owner), as: admin)
        _ = try await house.perform(SignInLink(person: "Ada Lovelace"), as: admin)
        _ = try await house.perform(IssueToken(person: "Ada Lovelace", label: "phone"), as: admin)
        _ = try await house.perform(RevokeToken(person: "Ada Lovelace", label: "phone"), as: admin)
        let ada = Principal(role: .owner, owner: owner)
        try await bench.pair(unit, with: ada)
        let code = try await house.perform(IssueEnrolmentCode(device: unit.serial), as: ada).code
        _ = try await house.perform(UnlockPairing(device: unit.serial), as: admin)
        _ = try await house.perform(RemovePerson(person: "Ada Lovelace"), as: admin)
        let leaves = try await house.read { rows in
            try rows.query("SELECT kind, entry FROM ledger ORDER BY idx").map {
                (kind: try $0.text("kind"), text: String(decoding: try $0.bytes("entry"), as: UTF8.self))
            }
        }
        for kind in [
            "ownerAdded", "personAdded", "signInLinkIssued", "tokenIssued", "tokenRevoked", "enrolmentCodeIssued",
            "pairingUnlocked", "personRemoved",
        ] {
            let found = try #require(leaves.last { $0.kind == kind }, "no entry of \(kind)")
            let entry = try CanonicalJSON.decode(Entry.self, from: Array(found.text.utf8))
            #expect(entry.by.role == (kind == "enrolmentCodeIssued" ? "owner" : "makerAdmin"), "\(kind)")
            #expect(Sentences.of(entry.event).hasSuffix("."), "\(kind)")
        }
        for word in ["Harbour", "Lovelace", "Adminova", "phone", owner.text, code] {
            #expect(!leaves.contains { $0.text.contains(word) }, "\(word)")
        }
    }
}
