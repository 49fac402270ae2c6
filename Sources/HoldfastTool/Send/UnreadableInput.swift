internal import Foundation
internal import HoldfastSimulation

extension InputError {
    /// For input that the system does not let us read; Foundation hides the reason behind an error of its own.
    init(unreadable what: String, _ error: any Error) {
        let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error ?? error
        self.init(line: nil, reason: "\(what) can't be read: \(cause.localizedDescription)")
    }
}
