package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// errAccount has bitcoind's words.
var errAccount = &rpc.Error{Code: rpc.InvalidParameter, Message: "Invalid -rpcauth argument."}

// Account is a user who may log in. The password itself is not kept: Hash is
// HMAC-SHA-256 of it with Salt as the key, both in hexadecimal, as in
// -rpcauth=USER:SALT$HASH.
type Account struct {
	User string
	Salt string
	Hash string
}

// NewAccount makes an account from a password.
func NewAccount(user, password, salt string) Account {
	return Account{User: user, Salt: salt, Hash: passwordHash(salt, password)}
}

// ParseAccount reads the value of -rpcauth.
func ParseAccount(text string) (Account, error) {
	user, rest, ok := strings.Cut(text, ":")
	salt, hash, ok2 := strings.Cut(rest, "$")
	if !ok || !ok2 || salt == "" || strings.ContainsAny(hash, ":$") || hash == "" {
		return Account{}, errAccount
	}
	return Account{User: user, Salt: salt, Hash: hash}, nil
}

func passwordHash(salt, password string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(password))
	return hex.EncodeToString(mac.Sum(nil))
}

// login returns the user of a request, if its credentials are right. All
// accounts are compared in constant time.
func (c Config) login(r *http.Request) (string, bool) {
	user, password, ok := r.BasicAuth()
	if !ok {
		return "", false
	}
	matches := 0
	for _, a := range c.Accounts {
		matches |= subtle.ConstantTimeCompare([]byte(a.User), []byte(user)) &
			subtle.ConstantTimeCompare([]byte(a.Hash), []byte(passwordHash(a.Salt, password)))
	}
	return user, matches == 1
}

// allowed reports whether a client may connect at all. On a unix socket the system has
// seen to that.
func (c Config) allowed(local, remote net.Addr) bool {
	if local.Network() == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(remote.String())
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() {
		return true
	}
	for _, network := range c.Allow {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}
