import Wire

/// Receipts that the service does not have yet, one file each, so that they outlive a power cut.
///
/// Unsigned: they are signed with the operational key of the moment they leave, since that is the certificate they
/// travel over. A receipt's name says what it is about, so that putting it in twice is putting it in once.
package struct Outbox: Sendable {
    /// A device that is away for long keeps the newest so many.
    static let largestCount = 64

    let disk: any Disk
    let folder: String

    package init(on disk: any Disk, folder: String) {
        self.disk = disk
        self.folder = folder
    }

    package func put(_ receipt: Receipt) throws {
        let path = folder + "/" + Self.name(of: receipt)
        guard try disk.size(of: path) == nil else { return }
        let names = try waiting()
        for name in names.dropLast(Self.largestCount - 1) { try remove(name) }
        try disk.write(receipt, as: path)
    }

    /// Names, oldest first.
    package func waiting() throws -> [String] {
        try disk.names(in: folder).filter { $0.hasSuffix(".json") }
            .map { ($0, try read($0)?.at ?? Timestamp(milliseconds: 0)) }.sorted { $0.1 < $1.1 }.map(\.0)
    }

    /// Nil, and gone, if the file cannot be read: it would never leave.
    package func read(_ name: String) throws -> Receipt? {
        let path = folder + "/" + name
        guard let bytes = try disk.readWhole(path, limit: DeviceAPI.maximumReceiptBytes) else { return nil }
        do {
            return try CanonicalJSON.decode(Receipt.self, from: bytes, limit: DeviceAPI.maximumReceiptBytes)
        } catch {
            try disk.erase(path)
            return nil
        }
    }

    package func remove(_ name: String) throws { try disk.erase(folder + "/" + name) }

    private static func name(of receipt: Receipt) -> String {
        let about = receipt.release.map { String($0.description.prefix(32)) } ?? "\(receipt.configuration ?? 0)"
        return "\(receipt.kind.rawValue)-\(about).json"
    }
}
