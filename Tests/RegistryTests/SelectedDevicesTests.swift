import Pairing
import Passport
import Registry
import Selection
import Store
import Testing
import Wire
import Workbench

@Suite struct `A search with a selector` {
    @Test func `finds each device that it matches once, page by page, and no other`() async throws {
        let bench = try await HouseBench()
        let units = try await bench.makeUnits(9)
        let ada = try await bench.ownership()
        for unit in units.prefix(5) { try await bench.pair(unit, with: ada) }
        for unit in units.prefix(2) {
            bench.house.contacts.note(
                .init(
                    device: unit.device, tenure: try await bench.tenure(of: unit.device), at: bench.clock.now,
                    report: CheckInReport(agent: "bench/1", sequence: 0, version: "1.2", posture: ["channel": "beta"])))
        }
        await bench.house.contacts.flush()
        let mary = try await bench.person("Mary", .makerAdmin)
        func found(_ text: String, as principal: Principal? = nil) async throws -> Set<String> {
            let selector = try Selector(text)
            var (serials, after): ([String], String?) = ([], nil)
            repeat {
                let page = try await bench.reading.devices(
                    DeviceFilter(selector: selector), after: after, limit: 2, as: principal ?? mary)
                serials += page.devices.map(\.serial)
                after = page.next
            } while after != nil
            #expect(Set(serials).count == serials.count)
            return Set(serials)
        }
        func serials(_ units: some Sequence<BenchUnit>) -> Set<String> { Set(units.map(\.serial)) }
        #expect(try await found("all") == serials(units))
        #expect(try await found("stage = inUse") == serials(units.prefix(5)))
        #expect(try await found("stage != inUse and owner = none") == serials(units.suffix(4)))
        #expect(try await found("seen < 1d and version = 1.2") == serials(units.prefix(2)))
        #expect(
            try await found("posture.channel = beta or serial = \(units[8].serial)")
                == serials([units[0], units[1], units[8]]))
        #expect(try await found("product = lamp").isEmpty)
        #expect(try await found("stage = inUse and stage = made").isEmpty)
        // An owner's search stays among its own.
        #expect(try await found("all", as: ada) == serials(units.prefix(5)))
    }
}
