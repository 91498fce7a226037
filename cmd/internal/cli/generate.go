package cli

import (
	"context"
	"encoding/json"
	"errors"
)

// generate mines blocks to a new address of the wallet.
func (c *client) generate(ctx context.Context) (string, error) {
	wallet := c.wallet()
	raw, err := c.ask(ctx, wallet, request{id: []byte("1"), method: "getnewaddress"})
	if err != nil {
		return "", err
	}
	var address string
	if err := json.Unmarshal(raw, &address); err != nil {
		return "", errUnreadable
	}
	words, err := generateWords(address, c.words)
	if err != nil {
		return "", err
	}
	const method = "generatetoaddress"
	command, _ := c.cfg.Commands.Find(method)
	params, err := positional(command, words)
	if err != nil {
		return "", err
	}
	blocks, err := c.ask(ctx, wallet, request{id: []byte("1"), method: method, params: params})
	if err != nil {
		return "", err
	}
	return pretty(object([]pair{{"address", quote(address)}, {"blocks", blocks}}))
}

// generateWords are the arguments of generatetoaddress.
func generateWords(address string, words []string) ([]string, error) {
	switch {
	case len(words) > 2:
		return nil, errors.New("too many arguments (maximum 2 for nblocks and maxtries)")
	case len(words) == 0:
		return []string{"1", address}, nil
	case words[0] == "0":
		return nil, errors.New("the first argument (number of blocks to generate, default: 1) must be an integer value greater than zero")
	}
	return append([]string{words[0], address}, words[1:]...), nil
}
