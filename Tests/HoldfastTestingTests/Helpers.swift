import Foundation
import Testing

@testable import HoldfastTesting

/// Whether there is a process with this number, dead ones that nobody has waited for included.
func processExists(_ processID: Int32) -> Bool {
    kill(processID, 0) == 0 || errno != ESRCH
}

func fileExists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
}

extension PrivateRedisServer {
    /// The first line of the answer to one command without spaces in its words; `nil` when none comes in that
    /// time.
    func answer(to command: String, within time: Duration = .seconds(5)) -> String? {
        guard let socket = LocalSocket(path: ServerFiles(directory: directory).socket) else { return nil }
        if let password {
            guard socket.send("AUTH \(password)\r\n"), socket.receiveLine(within: time) == "+OK" else {
                return nil
            }
        }
        return socket.send(command + "\r\n") ? socket.receiveLine(within: time) : nil
    }
}
