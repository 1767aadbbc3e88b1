import Crypto
import Foundation
import KeysFile
import Wire

/// A device whose update client is Debian's SWUpdate: a folder as its disk, a maker's certificate that signs images, and a
/// file for what a boot loader would do.
struct SWUpdateUnit: Sendable {
    let folder: String
    let serial: String
    private let sockets: String

    static var isInstalled: Bool {
        ["/usr/bin/swupdate", "/usr/bin/cpio", "/usr/bin/openssl"].allSatisfy(
            FileManager.default.isExecutableFile(atPath:))
    }

    init(folder: String, sockets: String, serial: String, token: String, service: ServiceAnchor) throws {
        self.folder = folder
        self.sockets = sockets + "/swupdate"
        self.serial = serial
        try DurableFile.makeFolder(folder)
        try DurableFile.makeFolder(self.sockets)
        try DurableFile.write(Array(Self.pem(service).utf8), to: folder + "/service.pem")
        let settings = """
            globals : { loglevel = 4; syslog = false; public-key-file = "\(folder)/images.pem"; };
            suricatta : {
              tenant = "DEFAULT"; id = "\(serial)"; url = "\(service.url)"; cafile = "\(folder)/service.pem";
              targettoken = "\(token)"; retry = 5; retrywait = 1;
            };

            """
        try DurableFile.write(Array(settings.utf8), to: folder + "/swupdate.cfg")
    }

    /// What the service's certificate chains to.
    static func pem(_ service: ServiceAnchor) -> String {
        service.anchors.compactMap { Base64.decode($0) }.map { PEM.encode($0, label: "CERTIFICATE") }.joined()
    }

    // MARK: - The maker

    /// The maker's certificate for images, with the purpose that SWUpdate asks for.
    var makeKey: String {
        """
        exec openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout images.key \
          -out images.pem -subj /CN=images -addext extendedKeyUsage=emailProtection -addext keyUsage=digitalSignature
        """
    }

    func imageFile(_ version: Int) -> String { "\(folder)/\(version).swu" }

    func content(_ version: Int) -> Data { Data("gateway-3, release 3.\(version).0\n".utf8) }

    /// A script that packs and signs an image.
    /// - Parameter tampered: its content is another one than was signed.
    func image(_ version: Int, tampered: Bool) -> String {
        let content = content(version)
        return """
            printf '%s' '\(String(decoding: content, as: UTF8.self))' >image.bin
            cat >sw-description <<'END'
            software = {
              version = "3.\(version).0";
              hardware-compatibility: [ "1.0" ];
              files: ( { filename = "image.bin"; path = "\(folder)/installed.bin"; sha256 = "\(Wire.Digest(SHA256.hash(data: content)))"; } );
            }
            END
            openssl cms -sign -in sw-description -out sw-description.sig -signer images.pem -inkey images.key \
              -outform DER -nosmimecap -binary
            \(tampered ? "printf 'something else' >image.bin" : "")
            printf 'sw-description\\nsw-description.sig\\nimage.bin\\n' | cpio -o -H crc --quiet >\(version).swu
            """
    }

    // MARK: - The device

    var hasRestarted: Bool { FileManager.default.fileExists(atPath: folder + "/restarted") }
    var installed: Data? { FileManager.default.contents(atPath: folder + "/installed.bin") }

    /// A script that runs SWUpdate until it is ended.
    func run(afterRestart: Bool = false) -> String {
        """
        rm -f restarted
        export TMPDIR='\(sockets)'
        exec swupdate -f swupdate.cfg -H gateway-3:1.0 -M -m -p 'touch "\(folder)/restarted"' -u '\(afterRestart ? "-c 2" : "-t DEFAULT")'
        """
    }
}
