#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A pipe that makes `poll` return.
package final class Wakeup: Sendable {
    package let descriptor: Int32
    private let writer: Int32

    package init() throws(RedisError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw RedisError(
                .connectFailed, delivery: .notDelivered,
                "cannot open a pipe for the link: \(errorText(errno))")
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        descriptor = ends[0]
        writer = ends[1]
    }

    deinit {
        close(descriptor)
        close(writer)
    }

    package func signal() {
        var byte: UInt8 = 1
        // A full pipe already wakes the loop, so EAGAIN is as good as success.
        _ = write(writer, &byte, 1)
    }

    package func drain() {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            while read(descriptor, buffer.baseAddress, buffer.count) == buffer.count {}
        }
    }
}

/// The system's text for an `errno`.
func errorText(_ number: Int32) -> String {
    String(cString: strerror(number))
}

func threadIdentity() -> UInt {
    #if canImport(Glibc)
        UInt(pthread_self())
    #else
        UInt(bitPattern: pthread_self())
    #endif
}

/// Starts a detached thread. `body` ends with the thread.
func startThread(_ body: @escaping @Sendable () -> Void) throws(RedisError) {
    do throws(SystemThread.Refusal) {
        try SystemThread(body).detach()
    } catch {
        throw RedisError(
            .connectFailed, delivery: .notDelivered,
            "the system refused to start a thread for the link: \(errorText(error.number))")
    }
}
