import { doing, element, get, post } from './api.js';

const row = ({ approval, question }, again) => {
  const comment = element('input', { type: 'text', 'aria-label': 'Your words', placeholder: 'your words' });
  const decide = (decision) =>
    doing(async () => {
      const words = comment.value.trim();
      // Somebody else may have been faster: what waits is looked at again in any case.
      await post('approvals/decide', { approval, decision, ...(words === '' ? {} : { comment: words }) }).finally(
        again,
      );
    });
  return element(
    'li',
    {},
    element('p', {}, question),
    comment,
    ' ',
    element('button', { type: 'button', onclick: decide('approve') }, 'Approve'),
    ' ',
    element('button', { type: 'button', onclick: decide('reject') }, 'Reject'),
    ' ',
    element('span', { class: 'quiet' }, approval),
  );
};

/** What waits for a person; nothing where nothing does. */
export const showApprovals = async () => {
  const { approvals } = await get('approvals?status=waiting');
  const section = document.querySelector('#approvals');
  section.hidden = approvals.length === 0;
  section.querySelector('ul').replaceChildren(...approvals.map((one) => row(one, showApprovals)));
};
