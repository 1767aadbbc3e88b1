import Crypto
import HTTPTypes
import Hummingbird
import NIOCore
import Wire

/// The three files beside the pages: stylesheet, one small script, icon. All of them stand in the program.
struct ConsoleFile: Sendable {
    let place: Place
    let path: String
    let type: String
    let text: String
    let tag: EntityTag

    init(_ path: StaticString, type: String, text: String) {
        let digest = Digest(SHA256.hash(data: Array(text.utf8)).prefix(16)).description
        self.path = path.description
        self.type = type
        self.text = text
        tag = EntityTag(digest)
        // The version in the address lets a browser keep the file for ever and still see the next one at once.
        place = Place(path).with("v", String(digest.prefix(12)))
    }

    func answer(to request: Request) -> Response {
        var headers = ConsoleHeaders.file
        headers[.eTag] = tag.text
        headers[.cacheControl] = "public, max-age=31536000, immutable"
        let known = (request.headers[.ifNoneMatch] ?? "").split(separator: ",").map { $0.drop { $0 == " " } }
        if tag.isHeld(known) { return Response(status: .notModified, headers: headers) }
        headers[.contentType] = type
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

enum ConsoleFiles {
    static let stylesheet = ConsoleFile("/console.css", type: "text/css; charset=utf-8", text: Stylesheet.text)
    static let script = ConsoleFile("/console.js", type: "text/javascript; charset=utf-8", text: scriptText)
    static let icon = ConsoleFile("/favicon.svg", type: "image/svg+xml", text: iconText)
    static let all = [stylesheet, script, icon]

    /// Adds a button to what is worth copying. Everything works without it.
    private static let scriptText = """
        "use strict";
        for (const block of document.querySelectorAll("[data-copy]")) {
          if (!navigator.clipboard) break;
          const button = document.createElement("button");
          button.type = "button";
          button.className = "small";
          button.textContent = "Copy";
          button.addEventListener("click", async () => {
            await navigator.clipboard.writeText(block.textContent);
            button.textContent = "Copied";
            setTimeout(() => { button.textContent = "Copy"; }, 1500);
          });
          const row = document.createElement("div");
          row.className = "copy-row";
          block.after(row);
          row.append(button);
        }

        """

    /// The mark: a life that goes round, and the point where it stands.
    static let mark = HTML.raw(
        """
        <svg viewBox="0 0 32 32" aria-hidden="true"><path class="ring" d="M27 16a11 11 0 1 1-5-9.2"/>\
        <circle class="dot" cx="25.4" cy="9.6" r="3.1"/></svg>
        """)

    private static let iconText = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M27 16a11 11 0 1 1-5-9.2" fill="none" \
        stroke="#3a7bd5" stroke-width="3.4" stroke-linecap="round"/><circle cx="25.4" cy="9.6" r="3.4" fill="#3a7bd5"/></svg>
        """
}
