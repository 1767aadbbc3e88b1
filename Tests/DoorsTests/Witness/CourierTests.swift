import Foundation
import Ledger
import Outbound
import Passport
import Registry
import Store
import Testing
import Wire
import Workbench

@Suite struct `The courier to the witnesses` {
    private func grow(_ bench: HouseBench, by count: Int = 3) async throws {
        try await bench.house.change(as: .system) { change in
            for number in 0..<count { try change.record(.tokenRevoked(person: .init(trusted: "p\(number)"))) }
        }
        try await bench.publisher.publish()
    }

    private func serve(
        _ witnesses: ArraySlice<LiveWitness>, _ ports: [Int], _ body: @escaping @Sendable ([Int]) async throws -> Void
    ) async throws {
        guard let first = witnesses.first else { return try await body(ports) }
        try await first.serve { [self] port in try await serve(witnesses.dropFirst(), ports + [port], body) }
    }

    /// Witnesses that trust the house of `bench`, with a house of the same database that knows them.
    private func witnessed(
        _ count: Int, quorum: Int = 0,
        _ body: @escaping @Sendable (HouseBench, House, [LiveWitness]) async throws -> Void
    ) async throws {
        let bench = try await HouseBench()
        let witnesses = try (0..<count).map {
            try LiveWitness("witness.example/w\($0)", trusting: [bench.publisher.verifierKey])
        }
        try await serve(witnesses[...], []) { ports in
            var settings = bench.house.settings
            settings.witnesses = zip(witnesses, ports).map { $0.address($1) }
            settings.witnessQuorum = quorum
            let house = try await House(
                database: bench.house.database, keys: bench.house.keys, settings: settings, log: bench.house.log,
                clock: bench.house.clock, random: bench.house.random)
            try await Witnesses.enlist(house)
            try await body(bench, house, witnesses)
        }
    }

    private func list(_ house: House, _ bench: HouseBench) async throws -> WitnessList {
        try await Reading(house, verifierKey: bench.publisher.verifierKey).witnesses(as: .system)
    }

    @Test func `brings every witness's cosignature home under the same checkpoint`() async throws {
        try await witnessed(2) { bench, house, witnesses in
            for size in 1...3 {
                try await grow(bench)
                try await WitnessCourier(house).round()
                let (note, published) = try await house.read { try LedgerReader.checkpoint(in: $0) }
                let found = try WitnessedCheckpoint(
                    note: Array(note.utf8), key: bench.publisher.verifierKey,
                    quorum: WitnessQuorum(witnesses.map(\.key)))
                #expect(found.checkpoint.size == published && found.cosignatures.count == 2)
                let list = try await list(house, bench)
                #expect(list.witnesses.map(\.standing) == [.agrees, .agrees] && list.quorum == 2, "round \(size)")
                #expect(list.witnesses.allSatisfy { $0.size == published && $0.behind == 0 })
                #expect(list.witnessedSize == published)
            }
            // Nothing new, nothing stale: nobody is asked.
            #expect(try await Witnesses.begin(house, holder: "x") == nil)
            bench.clock.advance(seconds: Witnesses.refreshSeconds + 1)
            // The cosignatures bear the witnesses' own time, a month later than the bench's clock.
            bench.clock.advance(days: 60)
            let round = try #require(try await Witnesses.begin(house, holder: "x"))
            #expect(round.asks.count == 2)
            // One node at a time, until it is done or has died.
            #expect(try await Witnesses.begin(house, holder: "y") == nil)
            bench.clock.advance(seconds: 120)
            #expect(try await Witnesses.begin(house, holder: "y") != nil)
        }
    }

    @Test func `shows the newest checkpoint with a quorum, and evidence under it`() async throws {
        try await witnessed(3, quorum: 2) { bench, house, witnesses in
            try await grow(bench)
            try await WitnessCourier(house).round()
            let covered = try await house.read { try LedgerReader.checkpoint(in: $0).size }
            try await grow(bench)
            let quorum = try WitnessQuorum(witnesses.map(\.key), needed: 2)
            let (witnessed, newest) = try await house.read { rows in
                (try LedgerReader.witnessed(quorum: 2, in: rows), try LedgerReader.checkpoint(in: rows))
            }
            #expect(witnessed?.size == covered && newest.size > covered)
            let reading = Reading(house, verifierKey: bench.publisher.verifierKey)
            let old = try await reading.proof(0, as: .system)
            #expect(old.size == covered)
            _ = try old.evidence.verify(vkey: bench.publisher.verifierKey, quorum: quorum)
            // What no witness has seen yet is proven under the log's own word.
            let new = try await reading.proof(newest.size - 1, as: .system)
            #expect(new.size == newest.size)
            #expect(throws: Refusal.self) {
                try new.evidence.verify(vkey: bench.publisher.verifierKey, quorum: quorum)
            }
        }
    }

    @Test func `hears of a rollback, and raises one alarm by name`() async throws {
        try await witnessed(1) { bench, house, witnesses in
            try await grow(bench, by: 20)
            try await WitnessCourier(house).round()
            // Somebody puts an old state of the database back.
            let size = try await house.read { try LedgerReader.checkpoint(in: $0).size }
            try await house.database.write { rows in
                for statement in [
                    "DELETE FROM ledger WHERE idx >= \(size - 10)", "DELETE FROM checkpoint", "DELETE FROM tile",
                    "DELETE FROM cosignature", "UPDATE ledger_size SET size = \(size - 10)",
                    "UPDATE witness SET size = 0, standing = 'agrees', due = 1",
                ] { try rows.execute(statement, []) }
            }
            try await bench.publisher.publish()
            try await WitnessCourier(house).round()
            let alarms = try await bench.reading.alarms(open: true, as: .system).alarms
            #expect(alarms.map(\.alarm) == [.ledgerRolledBack] && alarms.first?.device == nil)
            let detail = try #require(alarms.first?.detail)
            #expect(detail.hasPrefix("witness.example/w0: ") && detail.contains("it has cosigned \(size) entries"))
            #expect(detail.contains("that this ledger's key signed: entries were lost"))
            #expect(try await list(house, bench).witnesses.map(\.standing) == [.rollback])
            // Asked again later, it says the same, and nobody is woken twice.
            bench.clock.advance(seconds: 1000)
            try await bench.publisher.publish()
            try await WitnessCourier(house).round()
            #expect(try await bench.reading.alarms(as: .system).alarms.count == 1)
            // Grown past what the witness saw, it is a second history.
            try await grow(bench, by: 30)
            bench.clock.advance(seconds: 1000)
            try await WitnessCourier(house).round()
            #expect(try await list(house, bench).witnesses.map(\.standing) == [.fork])
            let forked = try #require(
                try await bench.reading.alarms(as: .system).alarms.first { $0.alarm == .ledgerForked })
            #expect(forked.detail.contains("there are two histories"), "\(forked.detail)")
            #expect(try await Audit.run(house.database).findings.isEmpty)
            _ = witnesses
        }
    }

    @Test func `is not held up, flooded or fooled by a witness that is hostile`() async throws {
        let server = try PythonServer(
            script: """
                import time
                from http.server import *
                class Hostile(BaseHTTPRequestHandler):
                    def do_POST(self):
                        self.rfile.read(int(self.headers['Content-Length']))
                        kind = self.path.split('/')[1]
                        if kind == 'slow': time.sleep(30)
                        self.send_response({'other': 409, 'teapot': 418, 'redirect': 307}.get(kind, 200))
                        if kind == 'other': self.send_header('Content-Type', 'text/x.tlog.size')
                        if kind == 'redirect': self.send_header('Location', '/garbage/add-checkpoint')
                        self.end_headers()
                        try:
                            if kind == 'garbage': self.wfile.write(b'\\xff\\xfe<html>\\n')
                            if kind == 'other': self.wfile.write(b'<html>\\n')
                            if kind == 'flood':
                                for _ in range(1600): self.wfile.write(b'x' * 65536)
                            if kind == 'drip':
                                for _ in range(60): self.wfile.write(b'x'); self.wfile.flush(); time.sleep(0.5)
                        except OSError: pass
                    def do_GET(self): self.send_error(404)
                    def log_message(self, *_): pass
                server = ThreadingHTTPServer(('127.0.0.1', 0), Hostile)
                print('port', server.server_address[1])
                server.serve_forever()
                """)
        let kinds = ["slow", "drip", "garbage", "flood", "other", "teapot", "redirect"]
        let bench = try await HouseBench {
            $0.witnesses = kinds.compactMap { kind in
                (try? LiveWitness("witness.example/\(kind)", trusting: []).key).map {
                    WitnessAddress(url: "\(server.url)/\(kind)", key: $0)
                }
            }
            // Nobody listens there.
            $0.witnesses += [try? LiveWitness("witness.example/down", trusting: []).key].compactMap { $0 }.map {
                WitnessAddress(url: "http://127.0.0.1:9", key: $0)
            }
        }
        try await Witnesses.enlist(bench.house)
        try await grow(bench)
        let began = ContinuousClock.now
        try await WitnessCourier(bench.house, timeoutSeconds: 2).round()
        #expect(ContinuousClock.now - began < .seconds(25), "a slow witness holds the round")
        let list = try await list(bench.house, bench)
        for view in list.witnesses {
            #expect(view.standing == .away && view.failures == 1 && view.trouble != nil, "\(view)")
        }
        #expect(list.witnesses.count == 8 && list.witnessedSize == 0)
        #expect(try await bench.reading.alarms(as: .system).alarms.isEmpty)
        // It waits before it asks again, longer each time.
        #expect(try await Witnesses.begin(bench.house, holder: "x") == nil)
        bench.clock.advance(seconds: 3)
        #expect(try await Witnesses.begin(bench.house, holder: "x")?.asks.count == 8)
    }
}
