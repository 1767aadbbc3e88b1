import Passport
import Selection
import Store
import Wire

extension Reading {
    /// A page of the devices that the reader sees, by key: by name, or by serial when `filter.q` is given.
    ///
    /// A page may be short, or empty, and have a next one: a filter that hardly anything fits is looked through in parts.
    ///
    /// - Parameter after: `next` of the page before.
    package func devices(
        _ filter: DeviceFilter = DeviceFilter(), after: String? = nil, limit: Int? = nil, as principal: Principal
    ) async throws -> DevicePage {
        let confined = try Self.confinement(of: principal)
        let size = try Self.pageSize(limit)
        if let owner = filter.owner, !Self.mayName(owner, principal) {
            throw Refusal(
                .forbidden, "Only the maker's administrators may ask which devices an owner has.",
                hint: "Leave the owner out of the filter.", rule: "personal data: administer")
        }
        // Whose both are asked for at once has none.
        if let confined, let owner = filter.owner, confined != owner { return DevicePage(devices: [], next: nil) }
        var asked = filter
        asked.owner = confined ?? filter.owner
        asked.selector = try await resolved(filter.selector, isConfined: confined != nil)
        if let selector = asked.selector {
            let narrowing = selector.narrowing
            if narrowing.products?.isEmpty == true || narrowing.stages?.isEmpty == true {
                return DevicePage(devices: [], next: nil)
            }
            if narrowing.products?.count == 1, let product = narrowing.products?.first.flatMap({ try? ProductID($0) }) {
                asked.product = asked.product ?? product
            }
            if narrowing.stages?.count == 1 { asked.stage = asked.stage ?? narrowing.stages?.first }
        }
        let (wanted, now) = (asked, house.clock())
        return try await house.read { rows in
            let page = try Self.search(
                wanted, after: after.map { String($0.prefix(64)) }, size: size, at: now, in: rows)
            return DevicePage(devices: try Self.list(page.found, principal, in: rows), next: page.next)
        }
    }

    /// Groups are replaced by their meaning. What the maker's people call devices is their own affair: an owner who could ask for
    /// it could find it out.
    private func resolved(_ selector: Selector?, isConfined: Bool) async throws -> Selector? {
        guard let selector else { return nil }
        if isConfined, selector.fields.contains(where: \.isOfMaker) {
            throw Refusal(
                .forbidden, "Labels and groups are for the maker's people.",
                hint: "Ask for something else of the device.",
                rule: "label: maker only")
        }
        return try await house.read { try DeviceGroups.resolve(selector, in: $0) }
    }

    /// Rows that a selector looks through for one page.
    private static let selectedAmong = 1000

    private static func search(
        _ filter: DeviceFilter, after: String?, size: Int, at now: Timestamp, in rows: any Rows
    ) throws -> DeviceSearch.Page {
        guard let selector = filter.selector else {
            return try DeviceSearch(filter: filter, after: after, size: size).page(in: rows)
        }
        var page = try DeviceSearch(filter: filter, after: after, size: selectedAmong).page(in: rows)
        let matching = try SelectedDevices.matching(selector, among: page.found, at: now, in: rows)
        if matching.count > size { page.next = matching[size - 1].optionalText(filter.q == nil ? "id" : "serial") }
        page.found = Array(matching.prefix(size))
        return page
    }

    /// Adds what stands in other tables, one look-up a row: a page is short, and each is by its key.
    private static func list(_ found: [Row], _ principal: Principal, in rows: any Rows) throws -> [DeviceRow] {
        var owners: [OwnerID: OwnerName] = [:]
        let confined = try confinement(of: principal)
        let mine = confined == nil ? "" : " AND owner = $2"
        return try found.map { row in
            let id: DeviceID = try row.id("id")
            let owner: OwnerID? = try row.optionalID("owner")
            if let owner, owners[owner] == nil { owners[owner] = try ownerName(owner, principal, in: rows) }
            let contact = try rows.first("SELECT at, version FROM contact WHERE device = $1", [Value(id)])
            let tenure = try owner.flatMap { _ in
                try rows.first(
                    "SELECT grade FROM tenure WHERE device = $1 AND ended IS NULL ORDER BY since DESC LIMIT 1",
                    [Value(id)])
            }
            return DeviceRow(
                device: id, serial: try row.text("serial"), product: try row.id("product"), batch: try row.id("batch"),
                hardware: try row.text("hardware"), stage: try stage(row),
                grade: tenure?.optionalText("grade").flatMap(Grade.init(rawValue:)),
                owner: owner.flatMap { owners[$0] },
                lastContactAt: contact?.optionalTime("at"), softwareVersion: contact?.optionalText("version"),
                openAlarms: try rows.count(
                    "SELECT COUNT(*) AS n FROM alarm WHERE device = $1 AND acknowledged_at IS NULL\(mine)",
                    [Value(id)] + (confined.map { [Value($0)] } ?? [])),
                bornAt: try row.time("born_at"), changedAt: try row.time("changed_at"))
        }
    }

    static func stage(_ row: Row) throws(Refusal) -> Stage {
        guard let stage = Stage(rawValue: try row.text("stage")) else {
            throw Refusal(
                .internal, "A device is in no known stage.", hint: "Run `lifelong audit`; it names what was changed.")
        }
        return stage
    }

    /// The owner's name, for those who may know it.
    static func ownerName(_ owner: OwnerID?, _ principal: Principal, in rows: any Rows) throws -> OwnerName? {
        guard let owner, mayName(owner, principal),
            let row = try rows.first("SELECT name, kind FROM owner WHERE id = $1", [Value(owner)])
        else { return nil }
        return OwnerName(owner: owner, name: try row.text("name"), kind: try row.text("kind"))
    }

    /// The device, if the reader may see it. What belongs to somebody else is as if it were not there.
    package static func visible(_ name: String, to principal: Principal, in rows: any Rows) throws -> Device {
        let confined = try confinement(of: principal)
        guard let confined else { return try Device.require(name, in: rows) }
        guard let device = try Device.find(name, in: rows), device.owner == confined else {
            throw Refusal(
                .notFound, "You own no device \"\(name.prefix(64))\".",
                hint: "Check the serial on its label; pair it first if it is new, or accept its transfer.",
                rule: "tenure: owner only")
        }
        return device
    }
}
