import AsyncHTTPClient
import Crypto
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Registry
import Rollout
import Wire

/// Asks the outside check whether the next stage of a rollout may open, and brings its answer home.
///
/// Each question is signed and named by chance, and counts for one answer. Only a plain yes to exactly that question opens
/// anything; whatever else comes back (nothing, a redirect, another status, too much, something else) leaves the rollout where
/// it is, with the reason, and is asked again, later each time.
package struct CheckCourier: Sendable {
    private let house: House
    private let check: OutsideCheck
    private let timeoutSeconds: Int64

    /// Of an answer.
    package static let maximumBytes = 4096
    /// Of the question: HMAC-SHA-256 (RFC 2104) over the body, in hexadecimal behind "hmac-sha256=".
    package static let signatureHeader = "Lifelong-Signature"
    private static let lookSeconds = 2

    /// - Parameter timeoutSeconds: for one question and its answer.
    package init(_ house: House, _ check: OutsideCheck, timeoutSeconds: Int64 = 10) {
        self.house = house
        self.check = check
        self.timeoutSeconds = timeoutSeconds
    }

    /// Runs until its task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            do { try await round() } catch {
                house.log.error("a round of the outside check failed; trying again", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(Self.lookSeconds))
        }
    }

    /// Asks what is due; returns when each question is answered or given up.
    package func round() async throws {
        let questions = try await OutsideChecks.begin(house)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for question in questions {
                group.addTask {
                    let answer = await ask(question)
                    if case .silence(let why) = answer {
                        house.log.warning(
                            "the outside check did not answer",
                            metadata: ["rollout": "\(question.rollout)", "check": "\(check)", "why": "\(why)"])
                    }
                    try await OutsideChecks.hear(answer, to: question, house)
                }
            }
            try await group.waitForAll()
        }
    }

    private func ask(_ question: OutsideQuestion) async -> RolloutState.OutsideAnswer {
        do {
            let body = try CanonicalJSON.encode(question)
            var request = HTTPClientRequest(url: check.url)
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/json")
            request.headers.add(name: Self.signatureHeader, value: Self.signature(of: body, with: check.key))
            request.body = .bytes(ByteBuffer(bytes: body))
            let (response, bytes) = try await Exchange.send(
                request, limit: Self.maximumBytes, seconds: timeoutSeconds)
            return Self.answer(Int(response.status.code), bytes, to: question)
        } catch {
            return .silence((error as? Refusal)?.detail ?? "It could not be asked.")
        }
    }

    package static func signature(of body: [UInt8], with key: [UInt8]) -> String {
        "hmac-sha256="
            + Hex.encode(HMAC<SHA256>.authenticationCode(for: body, using: SymmetricKey(data: key)))
    }

    /// What came back, judged.
    package static func answer(
        _ status: Int, _ body: [UInt8], to question: OutsideQuestion
    ) -> RolloutState.OutsideAnswer {
        guard status == 200 else { return .silence("It answered with status \(status).") }
        guard let reply = try? CanonicalJSON.decode(OutsideReply.self, from: body, limit: maximumBytes) else {
            return .silence("Its answer is not one: it names no question, or neither yes nor no.")
        }
        guard reply.question == question.question else { return .silence("It answered another question.") }
        return reply.go ? .go : .no("It said no: \(plain(reply.reason ?? "it gave no reason")).")
    }

    /// As it may stand in a log, in a terminal and in the console: on one line, of few characters.
    private static func plain(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(150).filter {
            ![.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
        }
        return String(String.UnicodeScalarView(shown))
    }
}
