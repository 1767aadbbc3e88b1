import Agent
import Foundation
import Wire

/// The real RAUC with its service on a bus of its own: two raw slots in files, a keyring, and a boot loader of four lines.
package final class RAUCBench: Sendable {
    package let folder: String
    private let children = Locked<[Process]>([])
    /// The slot that the service was told to run from; nil if it runs otherwise than by itself.
    private let served = Locked<String?>(nil)

    /// RAUC mounts a bundle, which takes root and a loop device.
    package static func isPossible() -> Bool {
        guard geteuid() == 0, access("/dev/loop-control", R_OK | W_OK) == 0 else {
            print("notice: not root, or no loop devices; RAUC is left out")
            return false
        }
        return ["rauc", "dbus-daemon", "openssl"].allSatisfy {
            OutsideProgram.findOrSay($0, package: "rauc dbus-daemon openssl")
        }
    }

    package var bus: String { "unix:path=\(folder)/bus" }
    package var environment: [String: String] { ["DBUS_SYSTEM_BUS_ADDRESS": bus] }
    package var bootID: String { folder + "/boot-id" }
    package var script: String { folder + "/boot.sh" }
    package func device(_ slot: Slots.Name) -> String { folder + "/slot-" + slot.rawValue }

    /// - Parameter maker: another bench, whose keys this one trusts.
    package init(_ folder: String, maker: RAUCBench? = nil) async throws {
        self.folder = folder
        let files = FileManager.default
        for part in ["", "/boot", "/mount"] {
            try files.createDirectory(atPath: folder + part, withIntermediateDirectories: true)
        }
        for slot in Slots.Name.allCases {
            try Data(repeating: slot == .a ? 65 : 0, count: 1 << 20).write(to: URL(filePath: device(slot)))
        }
        for (name, text) in ["primary": "A", "state.A": "good", "state.B": "bad", "booted": "A"] {
            try Data((text + "\n").utf8).write(to: URL(filePath: folder + "/boot/" + name))
        }
        try Data(backend.utf8).write(to: URL(filePath: folder + "/backend.sh"))
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/backend.sh")
        try Data(bootScript.utf8).write(to: URL(filePath: script))
        try Data(configuration.utf8).write(to: URL(filePath: folder + "/system.conf"))
        if let maker {
            try files.copyItem(atPath: maker.folder + "/maker.pem", toPath: folder + "/maker.pem")
        } else {
            for name in ["maker", "stranger"] { try await certificate(name) }
        }
        try start("dbus-daemon", ["--session", "--nofork", "--nopidfile", "--address=\(bus)"], [:])
        for _ in 0..<200 where !files.fileExists(atPath: folder + "/bus") {
            try await Task.sleep(for: .milliseconds(10))
        }
        try await boot()
    }

    private var configuration: String {
        """
        [system]
        compatible=board-b
        bootloader=custom
        statusfile=\(folder)/status
        mountprefix=\(folder)/mount

        [handlers]
        bootloader-custom-backend=\(folder)/backend.sh

        [keyring]
        path=\(folder)/maker.pem

        [slot.rootfs.0]
        device=\(device(.a))
        type=raw
        bootname=A

        [slot.rootfs.1]
        device=\(device(.b))
        type=raw
        bootname=B

        """
    }

    /// The interface of RAUC's custom boot loader: what is changed is changed in one step.
    private var backend: String {
        """
        #!/usr/bin/env -S -u LD_PRELOAD /bin/sh
        cd '\(folder)/boot' || exit 1
        case $1 in
        get-primary) cat primary ;;
        set-primary)
            echo good >"state.$2.new" && mv "state.$2.new" "state.$2" &&
                echo "$2" >primary.new && mv primary.new primary ;;
        get-state) cat "state.$2" ;;
        set-state) echo "$3" >"state.$2.new" && mv "state.$2.new" "state.$2" ;;
        *) exit 1 ;;
        esac
        """
    }

    /// A start of the device: the primary slot, if it is good.
    private var bootScript: String {
        """
        #!/bin/sh
        cd '\(folder)/boot' || exit 1
        slot=$(cat primary)
        [ "$(cat "state.$slot")" = good ] || { if [ "$slot" = A ]; then slot=B; else slot=A; fi; }
        echo "$slot" >booted
        cat /proc/sys/kernel/random/uuid >'\(bootID)'
        """
    }

    private func certificate(_ name: String) async throws {
        let made = try await OutsideProgram.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                "\(folder)/\(name).key", "-out", "\(folder)/\(name).pem", "-days", "30", "-subj", "/CN=\(name)",
            ], in: folder)
        guard made.status == 0 else { throw Refusal(.unavailable, made.errors, hint: "Look at openssl.") }
    }

    /// A signed bundle with one image.
    package func bundle(_ image: [UInt8], by signer: String = "maker", compatible: String = "board-b") async throws
        -> [UInt8]
    {
        let name = "\(folder)/bundle-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: name, withIntermediateDirectories: true)
        try Data(image).write(to: URL(filePath: name + "/rootfs.img"))
        try Data("[update]\ncompatible=\(compatible)\nversion=1\n\n[image.rootfs]\nfilename=rootfs.img\n".utf8)
            .write(to: URL(filePath: name + "/manifest.raucm"))
        let made = try await OutsideProgram.run(
            "rauc",
            ["--cert", "\(folder)/\(signer).pem", "--key", "\(folder)/\(signer).key", "bundle", name, name + ".raucb"],
            in: folder)
        guard made.status == 0 else { throw Refusal(.unavailable, made.errors, hint: "Look at rauc.") }
        return Array(try Data(contentsOf: URL(filePath: name + ".raucb")))
    }

    package func state(_ name: String) throws -> String {
        try String(contentsOfFile: folder + "/boot/" + name, encoding: .utf8).trimmingCharacters(in: .newlines)
    }

    package func set(_ name: String, _ value: String) throws {
        try Data((value + "\n").utf8).write(to: URL(filePath: folder + "/boot/" + name))
    }

    package func board(_ slots: String) -> RAUCBoard {
        RAUCBoard(on: PosixDisk(), folder: slots, bootID: bootID, environment: environment)
    }

    /// Starts the device anew: what runs is chosen, and RAUC's service with it.
    package func boot() async throws {
        let done = try await OutsideProgram.run("/bin/sh", [script], in: folder)
        guard done.status == 0 else { throw Refusal(.unavailable, "The boot script: \(done.errors)", hint: "Read it.") }
        try await refreshService()
    }

    /// Has the service run, by itself, for the slot that runs.
    package func refreshService() async throws {
        let isRunning = children.withLock { $0.count > 1 && $0.last?.isRunning == true }
        if isRunning, try served.withLock({ $0 }) == state("booted") { return }
        try await restartService()
    }

    /// Ends the service, if it runs, takes away what it left mounted, as a start does, and starts it for the slot that runs.
    /// - Parameter more: what it is started with besides, such as a shim.
    package func restartService(_ more: [String: String] = [:]) async throws {
        children.withLock { list in
            while list.count > 1, let service = list.popLast() {
                kill(service.processIdentifier, SIGKILL)
                service.waitUntilExit()
            }
        }
        for _ in 0..<4 {
            let left = try await OutsideProgram.run("umount", [folder + "/mount/bundle"], in: folder)
            if left.status != 0 { break }
        }
        try start(
            "rauc", ["-c", folder + "/system.conf", "service", "--override-boot-slot=\(try state("booted"))"], more)
        for _ in 0..<200 {
            let asked = try await OutsideProgram.run(
                "env", ["DBUS_SYSTEM_BUS_ADDRESS=\(bus)", "rauc", "status"], in: folder)
            if asked.status == 0 {
                let booted = try state("booted")
                return served.withLock { $0 = more.isEmpty ? booted : nil }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Refusal(.unavailable, "RAUC's service does not come up.", hint: "Read \(folder)/rauc.log")
    }

    private func start(_ name: String, _ arguments: [String], _ more: [String: String]) throws {
        guard let path = OutsideProgram.find(name) else {
            throw Refusal(.unavailable, "\(name) is not installed.", hint: "Install it.")
        }
        let log = URL(filePath: "\(folder)/\(name).log")
        if !FileManager.default.fileExists(atPath: log.path) { try Data().write(to: log) }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }.merging(more) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forUpdating: log)
        try process.run()
        children.withLock { $0.append(process) }
    }

    /// The service stands still, and its clients with it.
    /// - Returns: its process, which SIGCONT lets go on.
    package func pause() throws -> pid_t {
        guard let service = children.withLock({ $0.count > 1 ? $0.last?.processIdentifier : nil }) else {
            throw Refusal(.unavailable, "RAUC's service does not run.", hint: "Start it.")
        }
        kill(service, SIGSTOP)
        return service
    }

    package func stop() async {
        children.withLock { list in
            for child in list.reversed() where child.isRunning {
                kill(child.processIdentifier, SIGKILL)
                child.waitUntilExit()
            }
            list = []
        }
        _ = try? await OutsideProgram.run("umount", [folder + "/mount/bundle"], in: "/tmp")
    }
}
