import Foundation
import Wire

/// A folder as it was before a run, by inode: what counts as synced until something else was.
struct Snapshot {
    struct Name {
        var name: String
        /// d, f or l.
        var kind: Character
        var inode: UInt64
        var target: String
    }
    private(set) var root: UInt64 = 0
    private(set) var folders: [UInt64: [Name]] = [:]
    private(set) var files: [UInt64: Data] = [:]

    init(_ folder: String) {
        root = Self.inode(folder)?.0 ?? 0
        read(folder, root)
    }

    private mutating func read(_ folder: String, _ inode: UInt64) {
        var names: [Name] = []
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            let path = folder + "/" + name
            guard let (inode, kind) = Self.inode(path) else { continue }
            var target = ""
            switch kind {
            case "d": read(path, inode)
            case "l": target = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? ""
            default: files[inode] = FileManager.default.contents(atPath: path)
            }
            names.append(Name(name: name, kind: kind, inode: inode, target: target))
        }
        folders[inode] = names
    }

    static func inode(_ path: String) -> (UInt64, Character)? {
        // Of the link itself, if it is one.
        guard let facts = try? FileManager.default.attributesOfItem(atPath: path),
            let number = (facts[.systemFileNumber] as? NSNumber)?.uint64Value
        else { return nil }
        switch facts[.type] as? FileAttributeType {
        case .typeDirectory?: return (number, "d")
        case .typeSymbolicLink?: return (number, "l")
        default: return (number, "f")
        }
    }
}

/// Rebuilds a home as a power cut leaves it, from what was there before the run, what was synced in it, and what is there.
///
/// Limits: a folder's names are as of its last sync or as of the end, nothing between; a file's contents likewise; the file
/// system must not give an inode's number a second time during a run, which tmpfs does not.
struct PowerCut {
    let before: Snapshot
    let after: Snapshot
    let shadow: String
    let fault: Fault

    func rebuild(_ home: String) throws {
        let fresh = home + ".fresh"
        try? FileManager.default.removeItem(atPath: fresh)
        try make(fresh, before.root)
        try FileManager.default.removeItem(atPath: home)
        try FileManager.default.moveItem(atPath: fresh, toPath: home)
    }

    private func make(_ folder: String, _ inode: UInt64) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        for entry in names(inode) {
            let path = folder + "/" + entry.name
            switch entry.kind {
            case "d": try make(path, entry.inode)
            case "l": try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: entry.target)
            default:
                _ = FileManager.default.createFile(
                    atPath: path, contents: contents(entry.inode), attributes: [.posixPermissions: 0o600])
            }
        }
    }

    private func names(_ inode: UInt64) -> [Snapshot.Name] {
        if fault == .contentsGone { return after.folders[inode] ?? [] }
        guard let text = try? String(contentsOfFile: "\(shadow)/d\(inode)", encoding: .utf8) else {
            return before.folders[inode] ?? []
        }
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 4, let kind = parts[1].first, let inode = UInt64(parts[2]) else { return nil }
            return Snapshot.Name(name: parts[0], kind: kind, inode: inode, target: parts[3])
        }
    }

    private func contents(_ inode: UInt64) -> Data {
        // What a name that was taken back leads to may be gone by now; then what was synced is all that is known.
        if fault == .namesGone, let written = after.files[inode] { return written }
        return FileManager.default.contents(atPath: "\(shadow)/f\(inode)") ?? before.files[inode] ?? Data()
    }
}
