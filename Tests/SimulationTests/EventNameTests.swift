import Passport
import Simulation
import Testing
import Wire

@Suite struct `The name of an event` {
    /// Beside those of the alphabet, which knows what devices live through.
    private static let others: [Event] = [
        .ownerAdded(kind: "person"), .signInLinkIssued(person: PersonID(trusted: "x")),
    ]

    @Test func `is the word that its ledger entry begins with`() throws {
        let events = Alphabet.Kind.allCases.flatMap { Alphabet.events(of: $0, after: nil) } + Self.others
        // As many as there are cases.
        #expect(Set(events.map(\.kind)).count == 66)
        for event in events {
            let written = String(decoding: try CanonicalJSON.encode(event), as: UTF8.self)
            #expect(written.hasPrefix("{\"\(event.kind)\":"))
            #expect(String(describing: event).prefix { $0 != "(" } == event.kind)
        }
    }
}
