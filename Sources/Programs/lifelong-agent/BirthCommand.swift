import Agent
import ArgumentParser
import Foundation
import Keys
import KeysFile
import Wire

struct BirthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "birth",
        abstract: "Be born: make the birth key, get the birth certificate from a station.",
        discussion: """
            The private key is made here and stays here; the station sees a request only. A birth that was cut short is
            repeated with the same command and ends with the same identity.

            Example, on a line where the station starts the unit:
              lifelong station ... --line 'exec:lifelong-agent birth --home ./unit-1 --hardware thermostat-2-rev-b'
            """)

    @OptionGroup var home: HomeOptions

    @Option(help: ArgumentHelp("Name of the hardware, which releases are matched against.", valueName: "name"))
    var hardware: String

    @Option(help: "Serial that the unit already carries; otherwise the station gives it one.")
    var serial: String?

    @Option(help: ArgumentHelp("stdio, unix:PATH (where a station listens) or pty:PATH (terminal).", valueName: "line"))
    var line = "stdio"

    @Option(help: ArgumentHelp("File with the image that slot a runs from the factory.", valueName: "file"))
    var image: String?

    @Option(help: ArgumentHelp("Longest wait for the station.", valueName: "seconds"))
    var patienceSeconds = 120

    func run() async throws {
        try await explaining {
            let disk = PosixDisk()
            let place = home.place
            try disk.makeFolder(place.folder)
            let lock = try HomeLock(place.lock)
            defer { withExtendedLifetime(lock) {} }
            let newborn = Newborn(home: place, disk: disk, keys: try home.keyStore(), now: systemNow)
            let unit = try newborn.beBorn(
                hardware: hardware, serial: serial, image: try factoryImage(disk),
                on: try StationLine.open(line, patienceSeconds: max(1, min(patienceSeconds, 86_400))))
            FileHandle.standardError.write(
                Data("Born as \(unit.serial), a \(unit.product) on \(unit.hardware).\n".utf8))
        }
    }

    private func factoryImage(_ disk: PosixDisk) throws -> [UInt8] {
        guard let image else { return Array("Factory image of \(hardware)\n".utf8) }
        guard let bytes = try disk.readWhole(image, limit: 1 << 30), !bytes.isEmpty else {
            throw Refusal(.notFound, "There is no image at \(image), or it is empty.", hint: "Check the path.")
        }
        return bytes
    }
}
