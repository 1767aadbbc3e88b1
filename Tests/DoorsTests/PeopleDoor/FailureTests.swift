import NIOHTTP1
import Registry
import Server
import Store
import Testing
import Wire
import Workbench

@Suite struct `What broke inside the people's door` {
    @Test func `is logged, and told to nobody, program or browser`() async throws {
        let log = LogCollector()
        let bench = try await HouseBench(log: log.logger)
        _ = try await bench.person("maker", .makerAdmin)
        let token = try await bench.token(for: "maker")
        _ = try await bench.house.database.write { try $0.execute("DROP TABLE batch", []) }
        try await LiveDoor.run(bench, pages: Console.pages) { door in
            for (path, accept) in [("/api/v1/batches", "application/json"), ("/batches", "text/html")] {
                let answer = try await door.send(.GET, path, token: token, headers: ["Accept": accept])
                #expect(answer.status == 500, "\(answer.text)")
                #expect(answer.text.contains("Something inside went wrong"), "\(answer.text)")
                #expect(answer.text.contains("<html") == (accept == "text/html"))
                for word in ["SQL", "table", "statement"] where path.hasPrefix("/api/") {
                    #expect(!answer.text.contains(word), "\(answer.text)")
                }
                #expect(!answer.text.contains("refused a statement"), "\(answer.text)")
            }
        }
        #expect(log.text.contains("The database refused a statement"))
    }

    @Test func `that is damage to the database is told to whoever asks whether it is ready`() async throws {
        let bench = try await HouseBench()
        try await LiveDoor.run(bench) { door async throws in #expect(try await door.send(.GET, "/readyz").status == 200)
        }
        try await LiveDoor.run(bench, health: Health(known: ["page 7 is torn"])) { door async throws in
            let answer = try await door.send(.GET, "/readyz")
            #expect(answer.status == 503)
            #expect(answer.refusal?.detail.contains("page 7 is torn") == true, "\(answer.text)")
            // The program itself runs.
            #expect(try await door.send(.GET, "/healthz").status == 200)
        }
    }
}
