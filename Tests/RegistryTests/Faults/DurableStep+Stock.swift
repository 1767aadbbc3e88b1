import Passport
import Registry
import Store
import Testing
import Use
import Wire
import Workbench

extension FaultScene {
    /// A device that a release is offered to, and the number of its action.
    /// - Parameter confirmed: somebody at the device let its client begin.
    func updating(confirmed: Bool = true) async throws -> (unit: BenchUnit, action: Int64) {
        let unit = try await enrolled().unit
        let sequence = try await release()
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: sequence, devices: [unit.serial]), as: .system)
        let action = try await house.read { rows in
            try rows.first(
                "SELECT MAX(idx) AS n FROM ledger WHERE device = $1 AND kind = 'updateOffered'", [Value(unit.device)])?
                .optionalInt("n")
        }
        let number = try #require(action)
        if confirmed {
            _ = try await house.perform(ConfirmDeployment(action: number, confirmed: true), as: .device(unit.device))
        }
        return (unit, number)
    }

    func client(_ unit: BenchUnit) async throws -> StockClient {
        try await house.read { rows in try StockClient.find(unit.device, in: rows) }
    }
}

extension DurableStep {
    /// What stock clients do.
    static var stock: [DurableStep] {
        [
            DurableStep(ReportDeployment.name) { scene in
                let (unit, action) = try await scene.updating()
                return Attempt {
                    _ = try await scene.house.perform(
                        ReportDeployment(action: action, step: .installed, messages: ["done"]), as: .device(unit.device)
                    )
                } saysDone: {
                    [.gone]
                } check: { _ in
                    try await demand(scene.passport(unit).installed?.observed == true)
                    try await demand(scene.entries("updateObserved", of: unit) == 1)
                    try await demand(scene.client(unit).progress?.messages == ["done"])
                }
            },
            DurableStep(ReportInstalled.name) { scene in
                let (unit, _) = try await scene.updating()
                let release = try #require(try await scene.passport(unit).offeredUpdate).release
                _ = try await scene.house.perform(WithdrawUpdate(device: unit.serial, force: true), as: .system)
                return Attempt {
                    _ = try await scene.house.perform(ReportInstalled(release: release), as: .device(unit.device))
                } saysDone: {
                    [.gone]
                } check: { _ in
                    try await demand(scene.passport(unit).installed?.observed == true)
                    try await demand(scene.entries("updateObserved", of: unit) == 1)
                }
            },
            DurableStep(ConfirmDeployment.name) { scene in
                let (unit, action) = try await scene.updating(confirmed: false)
                return Attempt {
                    _ = try await scene.house.perform(
                        ConfirmDeployment(action: action, confirmed: true), as: .device(unit.device))
                } saysDone: {
                    [.gone]
                } check: { _ in
                    try await demand(scene.client(unit).progress?.state == .running)
                }
            },
            DurableStep(ReportCancellation.name) { scene in
                let (unit, action) = try await scene.updating()
                _ = try await scene.house.perform(
                    ReportDeployment(action: action, step: .underWay), as: .device(unit.device))
                let asked = try await scene.house.perform(WithdrawUpdate(device: unit.serial), as: .system)
                try #require(!asked.withdrawn)
                return Attempt {
                    _ = try await scene.house.perform(
                        ReportCancellation(action: action, step: .stopped), as: .device(unit.device))
                } saysDone: {
                    [.gone]
                } check: { _ in
                    try await demand(scene.passport(unit).offeredUpdate == nil)
                    try await demand(scene.entries("updateWithdrawn", of: unit) == 1)
                }
            },
            DurableStep(KeepAttributes.name) { scene in
                let unit = try await scene.enrolled().unit
                return Attempt {
                    _ = try await scene.house.perform(
                        KeepAttributes(mode: .merge, attributes: ["board": "c"]), as: .device(unit.device))
                } check: { _ in
                    try await demand(scene.client(unit).attributes == ["board": "c"])
                }
            },
            DurableStep(NoteDeployment.name) { scene in
                let (unit, action) = try await scene.updating()
                return Attempt {
                    _ = try await scene.house.perform(
                        NoteDeployment(action: action, messages: ["error: no space"]), as: .device(unit.device))
                } check: { extra in
                    let said = try await scene.client(unit).progress?.messages ?? []
                    #expect(said == ["error: no space"] || (extra && said.count == 2))
                }
            },
            DurableStep(IssueMenderTicket.name) { scene in
                let (unit, _) = try await scene.updating()
                return Attempt {
                    _ = try await scene.house.perform(IssueMenderTicket(), as: .device(unit.device))
                } check: { _ in
                    // One that nobody saw is ended by the next.
                    try await demand(scene.client(unit).mender.session != nil)
                }
            },
            DurableStep(SetAutoConfirm.name) { scene in
                let unit = try await scene.enrolled().unit
                return Attempt {
                    _ = try await scene.house.perform(
                        SetAutoConfirm(isActive: true, initiator: "panel"), as: .device(unit.device))
                } check: { _ in
                    try await demand(scene.client(unit).autoConfirm?.initiator == "panel")
                }
            },
        ]
    }
}
