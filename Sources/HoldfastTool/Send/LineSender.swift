internal import Foundation
internal import Holdfast
internal import HoldfastSimulation

/// Sends the lines of an input as they come.
struct LineSender {
    let store: QueueStore
    let ids: MessageID
    let type: String

    /// Sends all lines and counts them in `report`.
    ///
    /// - Throws: ``InputError`` at a line that can't be used; what was read before it is sent then.
    func send(_ input: FileHandle, _ report: inout SendReport) async throws {
        var reader = LineReader()
        // This blocks a thread, and nothing else in this program needs it: the link has its own.
        while let chunk = try read(input), !chunk.isEmpty {
            try await send(reader.lines(adding: chunk), &report)
        }
        if let last = reader.end() { try await send([last], &report) }
    }

    private func read(_ input: FileHandle) throws(InputError) -> Data? {
        do {
            return try input.read(upToCount: Self.chunk)
        } catch {
            throw InputError(unreadable: "the input", error)
        }
    }

    private func send(
        _ lines: [(number: Int, bytes: ArraySlice<UInt8>)], _ report: inout SendReport
    ) async throws {
        var batch: [QueueStore.Message] = []
        var failure: InputError?
        for (number, bytes) in lines {
            do throws(InputError) {
                guard let line = try JSONLine(bytes, number: number) else { continue }
                guard line.bytes.count <= QueueStore.largestBody else {
                    throw InputError(
                        line: number,
                        reason: "\(line.bytes.count) bytes, a message has at most \(QueueStore.largestBody)")
                }
                batch.append((id: try ids.id(of: line), body: line.bytes))
            } catch {
                failure = error
                break
            }
        }
        if !batch.isEmpty { report.count(try await enqueue(batch)) }
        if let failure { throw failure }
    }

    /// A batch whose outcome is unknown is sent again: under the same ids, so nothing is in the queue twice.
    private func enqueue(_ batch: [QueueStore.Message]) async throws -> [Sent] {
        for _ in 1..<Self.attempts {
            do {
                return try await store.enqueue(batch, type: type)
            } catch let error as HoldfastError where error.mayHaveHappened {
                continue
            }
        }
        return try await store.enqueue(batch, type: type)
    }

    private static let attempts = 3
    private static let chunk = 256 << 10
}
