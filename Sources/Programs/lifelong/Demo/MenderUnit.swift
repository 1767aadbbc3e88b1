import Foundation
import KeysFile
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A device whose update client is Debian's mender-client: a folder as its disk, and an update module that installs a file there.
struct MenderUnit: Sendable {
    let folder: String
    let serial: String
    static let deviceType = "gateway-3-rev-a"

    static var isInstalled: Bool {
        ["/usr/bin/mender", "/usr/bin/mender-artifact", "/usr/bin/openssl", "/usr/bin/unshare"].allSatisfy(
            FileManager.default.isExecutableFile(atPath:))
    }

    init(folder: String, serial: String, service: ServiceAnchor) throws {
        self.folder = folder
        self.serial = serial
        for place in [
            "", "/share", "/share/identity", "/share/inventory", "/share/modules", "/share/modules/v3", "/etc", "/data",
            "/disk",
        ] { try DurableFile.makeFolder(folder + place) }
        try write("service.pem", SWUpdateUnit.pem(service))
        try write("etc/artifact_info", "artifact_name=release-0\n")
        try write("data/device_type", "device_type=\(Self.deviceType)\n")
        try write("share/identity/mender-device-identity", "#!/bin/sh\necho serial=\(serial)\n", mode: 0o755)
        try write("share/inventory/mender-inventory-board", "#!/bin/sh\necho board=c\n", mode: 0o755)
        try write(
            "share/modules/v3/disk",
            """
            #!/bin/sh
            case "$1" in
            NeedsArtifactReboot) echo No ;;
            SupportsRollback) echo No ;;
            ArtifactInstall) cp files/image.bin '\(folder)/disk/installed.bin' ;;
            esac

            """, mode: 0o755)
        try write(
            "mender.conf",
            """
            {"Servers":[{"ServerURL":"\(service.url)"}],"ServerCertificate":"\(folder)/service.pem",
            "ArtifactVerifyKey":"\(folder)/artifacts.pub","DeviceTypeFile":"\(folder)/data/device_type",
            "DBus":{"Enabled":false},"UpdatePollIntervalSeconds":1,"InventoryPollIntervalSeconds":1,
            "RetryPollIntervalSeconds":1}

            """)
    }

    private func write(_ file: String, _ text: String, mode: mode_t = 0o600) throws {
        try DurableFile.write(Array(text.utf8), to: "\(folder)/\(file)", mode: mode)
    }

    // MARK: - The maker

    /// The maker's key for artifacts.
    var makeKey: String {
        """
        openssl ecparam -genkey -name prime256v1 -noout -out artifacts.key
        exec openssl ec -in artifacts.key -pubout -out artifacts.pub
        """
    }

    func content(_ version: Int) -> Data { Data("gateway-3, release 3.\(version).0, by Mender\n".utf8) }
    func artifactFile(_ version: Int) -> String { "\(folder)/\(version).mender" }

    func artifact(_ version: Int) -> String {
        """
        printf '%s\\n' 'gateway-3, release 3.\(version).0, by Mender' >image.bin
        exec mender-artifact write module-image -T disk -n release-\(version) -t \(Self.deviceType) -f image.bin \
          -k artifacts.key -o \(version).mender
        """
    }

    // MARK: - The device

    var installed: Data? { FileManager.default.contents(atPath: folder + "/disk/installed.bin") }

    /// A script that runs the client until it is ended. It looks for its scripts in fixed places, so it gets a view of the disk of
    /// its own.
    var run: String {
        """
        exec unshare \(geteuid() == 0 ? "-m" : "-rm") bash -c 'mount --bind share /usr/share/mender \
          && mount --bind etc /etc/mender && exec mender --no-syslog -c mender.conf -d "$PWD/data" daemon'
        """
    }

    /// Its log says that nobody has accepted its key.
    static func isRefused(in log: String) -> Bool { log.contains(/SHA-256 [0-9a-f]{64} is not accepted/) }

    /// A script that says what its owner brings: the key that it came with, and that key's word for this device.
    var heldKey: String {
        """
        key=data/mender-agent.pem
        public="$(openssl pkey -in "$key" -pubout -outform DER | base64 -w0)"
        signature="$(printf 'lifelong mender key v1\\n%s' '\(serial)' | openssl dgst -sha256 -sign "$key" | base64 -w0)"
        printf '%s.%s' "$public" "$signature"
        """
    }
}
