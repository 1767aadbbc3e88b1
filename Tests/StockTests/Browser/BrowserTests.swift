import Foundation
import Testing

@Suite(.enabled(if: Chromium.isHere, "needs /usr/bin/chromium and playwright in .venv (make test installs both)"))
struct `The console in Chromium` {
    @Test(.timeLimit(.minutes(4)))
    func `can be walked by a person, in light and dark, on a desk and on a phone`() async throws {
        let scene = try await FleetScene()
        try await scene.play()
        let pictures = Chromium.pictureFolder
        let links = try await [scene.signInPath(for: FleetScene.admin), scene.signInPath(for: FleetScene.ownersPerson)]
        let walk = try await ConsoleServer.with(scene) { url in
            try await Chromium.walk(url, signIn: links, pictures: pictures)
        }
        #expect(walk.status == 0, "\(walk.output)")
        #expect(walk.output.contains("walked"), "\(walk.output)")
        let shots = try FileManager.default.contentsOfDirectory(atPath: pictures.path)
        #expect(shots.filter { $0.hasSuffix(".png") }.count >= 21)
    }
}
