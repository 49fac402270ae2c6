/// The effect of one delivery of a message.
package struct Effect: Hashable, Sendable {
    package var message: String
    package var share: Share
    package var fence: Int64
    package var attempt: Int

    package init(message: String, share: Share, fence: Int64, attempt: Int) {
        self.message = message
        self.share = share
        self.fence = fence
        self.attempt = attempt
    }
}

/// The process that does something.
package struct Author: Codable, Hashable, Sendable {
    package var slot: Int
    package var pid: Int32

    package init(slot: Int, pid: Int32) {
        self.slot = slot
        self.pid = pid
    }
}
