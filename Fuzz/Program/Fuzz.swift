import Foundation
import FuzzTargets

/// The same targets under libFuzzer: `lifelong-fuzz TARGET [libFuzzer options] [corpus]`; `lifelong-fuzz seeds FOLDER`
/// writes the seed corpus, `lifelong-fuzz list` names the targets. Built by `make fuzz` only
/// (docs/decisions/0009-fuzzing.md).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

// Written once, before the driver starts its one thread.
nonisolated(unsafe) private var chosen: FuzzTarget?

@main
struct Fuzz {
    static func main() throws {
        let arguments = CommandLine.arguments
        if arguments.count == 3, arguments[1] == "seeds" { return try writeSeeds(to: arguments[2]) }
        guard arguments.count > 1, let target = FuzzTarget.all.first(where: { $0.name == arguments[1] }) else {
            print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
            return
        }
        chosen = target
        drive()
    }

    private static func writeSeeds(to folder: String) throws {
        for target in FuzzTarget.all {
            let place = "\(folder)/\(target.name)"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            for (number, seed) in try target.seeds(.fixed).enumerated() {
                try Data(seed).write(to: URL(filePath: "\(place)/seed-\(number)"))
            }
        }
    }

    /// libFuzzer sees the program's name and the options behind the target's.
    private static func drive() {
        var arguments =
            [CommandLine.unsafeArgv[0]] + (2..<Int(CommandLine.argc)).map { CommandLine.unsafeArgv[$0] } + [nil]
        var count = CommandLine.argc - 1
        arguments.withUnsafeMutableBufferPointer { buffer in
            guard var base = buffer.baseAddress as UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? else { return }
            withUnsafeMutablePointer(to: &base) { pointer in
                pointer.withMemoryRebound(
                    to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1
                ) { rebound in
                    _ = runDriver(&count, rebound) { bytes, length in
                        chosen?.run(Array(UnsafeBufferPointer(start: bytes, count: length)))
                        return 0
                    }
                }
            }
        }
    }
}
