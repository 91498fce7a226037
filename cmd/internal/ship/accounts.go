package ship

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"

	"github.com/bulkheadnode/bulkhead/bus/gateway"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/internal/durable"
)

const cookieUser = "__cookie__"

// accounts collects who may use JSON-RPC. Without -rpcpassword it writes a
// cookie file with a new password; cookie tells whether it did.
func accounts(s *config.Settings, cookiePath string) (list []gateway.Account, cookie bool, err error) {
	for _, text := range s.List("rpcauth") {
		account, err := gateway.ParseAccount(text)
		if err != nil {
			return nil, false, err
		}
		list = append(list, account)
	}
	salt, err := secret(16)
	if err != nil {
		return nil, false, err
	}
	if password := s.Text("rpcpassword", ""); password != "" {
		return append(list, gateway.NewAccount(s.Text("rpcuser", ""), password, salt)), false, nil
	}
	if s.Negated("rpccookiefile") {
		return list, false, nil
	}
	password, err := secret(32)
	if err != nil {
		return nil, false, err
	}
	mode, err := cookieMode(s.Text("rpccookieperms", "owner"))
	if err != nil {
		return nil, false, err
	}
	if err := writeCookie(cookiePath, cookieUser+":"+password, mode); err != nil {
		return nil, false, err
	}
	return append(list, gateway.NewAccount(cookieUser, password, salt)), true, nil
}

func secret(size int) (string, error) {
	raw := make([]byte, size)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("random numbers: %w", err)
	}
	return hex.EncodeToString(raw), nil
}

// cookieMode reads -rpccookieperms.
func cookieMode(who string) (os.FileMode, error) {
	switch who {
	case "owner":
		return 0o600, nil
	case "group":
		return 0o640, nil
	case "all":
		return 0o644, nil
	}
	return 0, config.Complain("Invalid -rpccookieperms=%s; must be one of 'owner', 'group', or 'all'.", who)
}

// writeCookie replaces the cookie file in one step. The name of the file beside it is
// Bitcoin Core's.
func writeCookie(path, content string, mode os.FileMode) error {
	if err := durable.ReplaceBy(path+".tmp", path, []byte(content), mode); err != nil {
		return config.Complain("Unable to write cookie authentication file %s: %v", path, err)
	}
	return nil
}
