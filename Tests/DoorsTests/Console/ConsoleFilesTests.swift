import HTTPTypes
import Hummingbird
import NIOCore
import Testing

@testable import Server

@Suite struct `The files beside the pages` {
    private func answer(_ file: ConsoleFile, ifNoneMatch: String? = nil) -> Response {
        var head = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: file.path)
        head.headerFields[.ifNoneMatch] = ifNoneMatch
        return file.answer(to: Request(head: head, body: .init(buffer: ByteBuffer())))
    }

    @Test(arguments: ConsoleFiles.all.map(\.path))
    func `have a strong validator and are not sent twice`(_ path: String) throws {
        let file = try #require(ConsoleFiles.all.first { $0.path == path })
        let first = answer(file)
        let tag = try #require(first.headers[.eTag])
        #expect(first.status == .ok && tag.hasPrefix("\"") && tag.hasSuffix("\""))
        #expect(answer(file, ifNoneMatch: tag).status == .notModified)
        #expect(answer(file, ifNoneMatch: "\"other\", W/\(tag)").status == .notModified)
        #expect(answer(file, ifNoneMatch: "\"other\"").status == .ok)
        #expect(file.place.text.hasPrefix(path + "?v="))
    }

    @Test func `come under a policy that allows nothing inline and nothing from elsewhere`() {
        let policy = ConsoleHeaders.contentSecurityPolicy
        for word in ["unsafe", "http:", "https:", "data:", "*"] { #expect(!policy.contains(word)) }
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
        #expect(ConsoleHeaders.page[.cacheControl] == "no-store")
    }

    @Test func `hold no script that writes markup`() {
        for word in ["innerHTML", "outerHTML", "document.write", "eval(", "insertAdjacentHTML"] {
            #expect(!ConsoleFiles.script.text.contains(word))
        }
    }
}

@Suite struct `A page` {
    @Test func `stands alone, with landmarks, a language and a title that is text`() {
        let document = Page("</title><script>x</script>", for: nil) { tag("h1") { "<b>" } }.document
        #expect(document.hasPrefix("<!doctype html>\n<html lang=\"en\">"))
        for part in ["<main id=\"content\">", "<header class=\"masthead\">", "<footer", "name=\"viewport\""] {
            #expect(document.contains(part))
        }
        #expect(!document.contains("<script>x") && !document.contains("<b>"))
        #expect(!document.contains("style=") && !document.contains(" onclick"))
    }
}
