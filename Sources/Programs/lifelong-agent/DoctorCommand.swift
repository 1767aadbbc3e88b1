import Agent
import ArgumentParser
import Foundation
import Keys
import KeysFile
import Wire

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what is wrong with this device, and what to do.",
        discussion: """
            Looks at the home, settings, clock, keys, certificate, image, slots, space and log, and asks the service what it thinks of
            this device;
            changes nothing. Ends with 1 if somebody has to do something.

            Example:
              lifelong-agent doctor --home /var/lib/lifelong
            """)

    @OptionGroup var home: HomeOptions

    @Flag(help: "Make no contact with the service.")
    var offline = false

    @Flag(help: "As JSON.")
    var json = false

    func run() async throws {
        let place = home.place
        var keys: (any KeyStore)?
        var keyFault: Refusal?
        // Opening a key folder makes it; whoever only looks makes nothing.
        if FileManager.default.fileExists(atPath: place.keys) {
            do { keys = try home.keyStore() } catch { keyFault = error as? Refusal }
        }
        let settings = Result { try home.deviceSettings() }.mapError {
            $0 as? Refusal ?? Refusal(.internal, "The settings cannot be read: \($0)", hint: "Check the disk.")
        }
        var examination = Examination(
            of: place, on: PosixDisk(), keys: keys, keyFault: keyFault, place: surroundings(place), settings: settings,
            at: systemNow())
        if !offline, let keys, let contact = await contact(place, keys) { examination.add(contact, at: systemNow()) }
        print(json ? try CanonicalJSON.pretty(examination) : Self.text(examination))
        guard examination.isWell else { throw ExitCode.failure }
    }

    /// What the service says to the birth certificate; nil of a device that is not born or retired, which asks nobody.
    private func contact(_ place: AgentHome, _ keys: any KeyStore) async -> Result<DeviceStatus, ContactFailure>? {
        guard !FileManager.default.fileExists(atPath: place.retired) else { return nil }
        let transport = DeviceTransport()
        let answer: Result<DeviceStatus, ContactFailure>
        do {
            let disk = PosixDisk()
            guard let service = try disk.read(ServiceAnchor.self, from: place.service),
                let identity = try ClientIdentity.birth(in: place, on: disk, keys: keys)
            else { return nil }
            let client = try DeviceClient(service: service, identity: identity, transport: transport)
            answer = .success(try await client.status())
        } catch let failure as ContactFailure {
            answer = .failure(failure)
        } catch {
            answer = .failure(.local(error as? Refusal ?? Refusal(.internal, "\(error)", hint: "Check the disk.")))
        }
        await transport.shutdown()
        return answer
    }

    private func surroundings(_ place: AgentHome) -> Examination.Place {
        let files = FileManager.default
        let mode = (try? files.attributesOfItem(atPath: place.folder))?[.posixPermissions] as? Int
        let free = (try? files.attributesOfFileSystem(forPath: place.folder))?[.systemFreeSize] as? Int64
        return Examination.Place(
            mode: mode, freeBytes: free, isWorkedIn: files.fileExists(atPath: place.lock) && HomeLock.isHeld(place.lock)
        )
    }

    static func text(_ examination: Examination) -> String {
        let marks: [Examination.Verdict: String] = [.good: "ok   ", .watch: "note ", .bad: "BAD  "]
        var lines: [String] = []
        for finding in examination.findings {
            let part = finding.part.padding(toLength: 13, withPad: " ", startingAt: 0)
            lines.append("\(marks[finding.verdict] ?? "")\(part)\(finding.text)")
            if finding.verdict != .good, let hint = finding.hint, !hint.isEmpty {
                lines.append(String(repeating: " ", count: 18) + hint)
            }
        }
        let bad = examination.findings.count { $0.verdict == .bad }
        lines.append(bad == 0 ? "Nothing is wrong." : "\(bad) thing\(bad == 1 ? "" : "s") to mend.")
        return lines.joined(separator: "\n")
    }
}
