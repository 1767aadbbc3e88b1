import ArgumentParser
import Keys
import Station
import Wire

struct StationMoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move", abstract: "Make new keys for the station in a token, and the request to the maker.",
        discussion: """
            No key is exported. Carry the new request to the maker; the next permit is for the new keys. Batches that are open go on
            under the old ones.

            Example:
              lifelong station move --home line-1 --keys-module /usr/lib/softhsm/libsofthsm2.so --token line --pin-file pin
            """)

    @OptionGroup var folder: StationFolder

    func run() throws {
        let (_, open) = try MoveStation(home: folder.station).perform(keys: try folder.keys())
        print("New keys are made. Carry \(folder.station.requestFile) to the maker; the next permit is for them.")
        if !open.isEmpty { print("Open under the old keys: \(open.map(\.text).joined(separator: ", ")).") }
    }
}

struct StationRetireCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire", abstract: "Destroy the station's old keys, once no open batch needs them.")

    @OptionGroup var folder: StationFolder

    func run() throws {
        let gone = try RetireStationKeys(home: folder.station).perform(keys: try folder.keys())
        print(gone.isEmpty ? "There are no old keys." : "Destroyed: \(gone.map(\.text).joined(separator: ", ")).")
    }
}
